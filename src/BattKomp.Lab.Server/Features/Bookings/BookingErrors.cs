using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Google.Rpc;
using Violation = BattKomp.Lab.Domain.Bookings.Violation;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Refusals of this slice on their way to the wire.</summary>
public static class BookingErrors
{
    /// <summary>Violations told at most.</summary>
    public const int MostViolations = 40;

    /// <summary>Bytes of both details together at most: a refusal travels in a header.</summary>
    public const int MostBytes = 6 * 1024;

    /// <summary>BOOKING_REFUSED with every violation, as far as they fit; <c>omitted</c> counts the rest.</summary>
    public static LabException Refused(IReadOnlyList<Violation> violations)
    {
        var refusal = new V1.Refusal();
        var failure = new PreconditionFailure();
        foreach (var violation in violations.Take(MostViolations))
        {
            refusal.Violations.Add(ToProto(violation));
            failure.Violations.Add(new PreconditionFailure.Types.Violation { Type = violation.Reason, Subject = violation.Resource, Description = violation.Message });
            // Room for `omitted` itself.
            if (refusal.CalculateSize() + failure.CalculateSize() <= MostBytes - 8) continue;
            refusal.Violations.RemoveAt(refusal.Violations.Count - 1);
            failure.Violations.RemoveAt(failure.Violations.Count - 1);
            break;
        }
        refusal.Omitted = violations.Count - refusal.Violations.Count;
        // Where only quotas stand against it the standard's own status says so; beside anything else they are violations among others.
        if (violations.All(v => v.Rule == Domain.Bookings.Rules.QuotaRule.Name))
        {
            var quota = new QuotaFailure();
            quota.Violations.AddRange(failure.Violations.Select(v => new QuotaFailure.Types.Violation { Subject = v.Subject, Description = v.Description }));
            return new LabException(Reason.QuotaExhausted, Sentence(violations)) { Details = { quota, refusal } };
        }
        return new LabException(Reason.BookingRefused, Sentence(violations)) { Details = { failure, refusal } };
    }

    /// <summary>A step that is refused from the state found, with what would help.</summary>
    public static LabException WrongState(StoredBooking booking, BookingStep step)
    {
        var (state, allowed) = (BookingStates.NameOf(booking.State), string.Join(" or ", BookingStates.From(step).Select(BookingStates.NameOf)));
        var remedy = (booking.State, step) switch
        {
            (BattKomp.Lab.Domain.Bookings.BookingState.Running, BookingStep.Cancel) => " Stop its run instead.",
            (_, BookingStep.Cancel) => " It is over; nothing needs to be freed.",
            (BattKomp.Lab.Domain.Bookings.BookingState.Expired, _) => " Book again.",
            (BattKomp.Lab.Domain.Bookings.BookingState.Running, BookingStep.Release) => " Its time ends with its run; stop the run.",
            _ => "",
        };
        return new LabException(Reason.WrongState, $"'{booking.Name}' is {state}; this is possible only from {allowed}.{remedy}")
        {
            Metadata = { ["name"] = booking.Name, ["state"] = state, ["allowed"] = allowed },
        };
    }

    /// <summary>A call outside the time in which it is possible.</summary>
    /// <param name="booking">As found.</param>
    /// <param name="why">What completes the sentence "'bookings/…' …".</param>
    /// <param name="from">When it was, is or becomes possible.</param>
    /// <param name="until">When no longer.</param>
    public static LabException WrongTime(StoredBooking booking, string why, NodaTime.Instant from, NodaTime.Instant until) => new(Reason.WrongState, $"'{booking.Name}' {why}.")
    {
        Metadata = { ["name"] = booking.Name, ["state"] = BookingStates.NameOf(booking.State), ["from"] = Sentences.Of(from), ["until"] = Sentences.Of(until) },
    };

    private static string Sentence(IReadOnlyList<Violation> violations)
    {
        const int told = 3;
        var text = "Not booked. " + string.Join(" ", violations.Take(told).Select(v => v.Message));
        return violations.Count > told ? $"{text} And {violations.Count - told} more." : text;
    }

    /// <summary>The violation on the wire.</summary>
    internal static V1.Violation ToProto(Violation v) => new()
    {
        Reason = v.Reason,
        Rule = v.Rule,
        Message = v.Message,
        Limit = v.Limit,
        Actual = v.Actual,
        OverridableBy = v.OverridableBy,
        Nearest = v.Nearest is { } nearest ? BookingTimes.Window(nearest) : null,
        Resource = v.Resource,
        Policy = v.Policy,
        Blocking = { v.Blocking.Select(BookingTimes.Window) },
    };
}
