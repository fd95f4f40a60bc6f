using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// A booking is asked for, and changed, early enough. A change is judged by the old start and by the new one, whatever it changes; one that has
/// begun is past such a limit and may be lengthened.
/// </summary>
public sealed class NoticeRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        var limits = facts.Limits;
        if (request.Former is not { } former)
        {
            if (IsShort(request.Window.Start - now, limits.CreateNotice)) yield return Of("NOTICE_TOO_SHORT", "asked for", "create_notice", limits.CreateNotice, now, request, request.Window.Start, limits, mendable: true);
            yield break;
        }
        if (former.Start <= now) yield break;
        var first = Instant.Min(former.Start, request.Window.Start);
        if (IsShort(first - now, limits.ChangeNotice)) yield return Of("CHANGE_TOO_LATE", "changed", "change_notice", limits.ChangeNotice, now, request, first, limits, mendable: former.Start - now >= limits.ChangeNotice);
    }

    /// <summary>What stands against a cancellation by the holder.</summary>
    public static IEnumerable<Violation> EvaluateCancel(Instant now, TimeWindow window, BookingLimits limits)
    {
        if (!IsShort(window.Start - now, limits.CancelNotice)) yield break;
        yield return new Violation("CANCEL_TOO_LATE", "notice",
            $"The booking starts {Sentences.Of(window.Start)}; it can be cancelled until {Sentences.Of(limits.CancelNotice)} before. Ask the lab, or hand it over.")
        {
            Limit = Sentences.Of(limits.CancelNotice),
            Actual = Sentences.Of(Duration.Max(window.Start - now, Duration.Zero)),
            OverridableBy = Roles.LabManager,
            Policy = limits.SaidBy("cancel_notice"),
        };
    }

    // Zero is no limit at all: what begins this minute has begun already by the server's clock, and the rule on past starts speaks of that.
    private static bool IsShort(Duration left, Duration notice) => notice > Duration.Zero && left < notice;

    private static Violation Of(string reason, string verb, string limit, Duration notice, Instant now, BookingRequest request, Instant judged, BookingLimits limits, bool mendable)
    {
        TimeWindow? nearest = mendable ? request.Window.StartingAt(Sentences.MinuteFrom(now + notice)) : null;
        return new Violation(reason, "notice",
            $"A booking is {verb} at least {Sentences.Of(notice)} before its start, which is {Sentences.Of(judged)}.{Sentences.Remedy(nearest, "Ask the lab, which may change it.")}")
        {
            Limit = Sentences.Of(notice),
            Actual = Sentences.Of(Duration.Max(judged - now, Duration.Zero)),
            OverridableBy = Roles.LabManager,
            Nearest = nearest,
            Policy = limits.SaidBy(limit),
        };
    }
}
