using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings.Policies;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>No person, course or organisation takes more than its quota. A change that leaves the times as they were takes nothing.</summary>
public sealed class QuotaRule : IBookingRule
{
    /// <summary>The name under which quotas speak: refusals by them alone travel as RESOURCE_EXHAUSTED.</summary>
    public const string Name = "quota";

    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (request.Former == request.Window) yield break;
        foreach (var use in facts.Quotas)
            foreach (var (period, limit, actual) in Quotas.Exceeded(use, request.Window, now))
            {
                var when = use.Term.Period == QuotaPeriod.Future ? "ahead" : $"in the {use.Term.Period.ToString().ToLowerInvariant()} from {period.Start.InZone(use.Zone).Date:uuuu-MM-dd}";
                yield return new Violation("QUOTA_EXCEEDED", Name, $"{use.Subject} would have {actual} {when}; the quota is {limit}. Choose another {(use.Term.Period == QuotaPeriod.Future ? "time when others are over" : use.Term.Period.ToString().ToLowerInvariant())}, or give something back.")
                {
                    Limit = limit,
                    Actual = actual,
                    OverridableBy = Roles.LabManager,
                    Resource = use.Subject,
                    Policy = use.Scope,
                };
            }
    }
}
