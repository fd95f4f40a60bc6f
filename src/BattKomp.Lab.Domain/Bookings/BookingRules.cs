using BattKomp.Lab.Domain.Bookings.Rules;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>One thing that can stand against a booking. Pure: same arguments, same answer.</summary>
public interface IBookingRule
{
    /// <summary>Every violation of this rule; none when it accepts.</summary>
    IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts);
}

/// <summary>The one rule engine: every path that takes time on a resource asks it.</summary>
public static class BookingRules
{
    private static readonly OccupancyRule Occupancy = new();
    private static readonly OutageRule Outages = new();
    private static readonly QualificationRule Qualified = new();
    private static readonly RiskAssessmentRule Assessed = new();

    /// <summary>Every rule of a booking, in the order in which their violations are told.</summary>
    public static IReadOnlyList<IBookingRule> All { get; } =
    [
        new KnownChannelRule(), new DuplicateChannelRule(), new PastRule(), new HorizonRule(), new LengthRule(),
        Occupancy, Outages, new BufferRule(), new OpeningHoursRule(), new RigLockedRule(),
        new HazardRule(), new EnergyRule(), new AttendedRule(), new BenchRule(), new ProgramRule(),
        Qualified, Assessed, new YoungPeopleRule(), new LoneWorkRule(),
        new HoldRule(), new NoticeRule(), new CrossDayRule(), new LessonPeriodRule(), new QuotaRule(), new PoolRule(),
    ];

    /// <summary>
    /// The rules that a booking must still keep when it becomes firm: what speaks of the rig, the people and the cell. When it was asked for and
    /// whether its time is free were settled when it took the time.
    /// </summary>
    public static IReadOnlyList<IBookingRule> Standing { get; } = [.. All.Where(r => r is not (PastRule or HorizonRule or LengthRule or OccupancyRule or OutageRule or BufferRule or HoldRule or NoticeRule or QuotaRule or PoolRule))];

    private static IReadOnlyList<IBookingRule> Timeless { get; } =
        [.. All.Where(r => r is KnownChannelRule or LengthRule or RigLockedRule or HazardRule or EnergyRule or AttendedRule or BenchRule or ProgramRule)];

    /// <summary>Every violation of a booking request; empty = accepted.</summary>
    public static IReadOnlyList<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) =>
        [.. All.SelectMany(rule => rule.Evaluate(now, request, facts))];

    /// <summary>Every violation that no waiting would mend, by what is known of the person too.</summary>
    public static IReadOnlyList<Violation> EvaluateHopeless(Instant now, BookingRequest request, BookingFacts facts) =>
        [.. Timeless.Where(r => r is not RigLockedRule).SelectMany(rule => rule.Evaluate(now, request, facts)), .. NeverMended(now, request, facts)];

    /// <summary>Every violation that no other time would mend, so that a search need not look at a rig at all.</summary>
    public static IReadOnlyList<Violation> EvaluateTimeless(Instant now, BookingRequest request, BookingFacts facts) =>
        [.. Timeless.SelectMany(rule => rule.Evaluate(now, request, facts)), .. NeverMended(now, request, facts)];

    // Papers that some other time would carry are a matter of when.
    private static IEnumerable<Violation> NeverMended(Instant now, BookingRequest request, BookingFacts facts) => EvaluateAtStart(now, request, facts).Where(v => v.Nearest is null);

    /// <summary>Every violation of the standing rules by a booking that is about to become firm; empty = accepted.</summary>
    public static IReadOnlyList<Violation> EvaluateStanding(Instant now, BookingRequest request, BookingFacts facts) =>
        [.. Standing.SelectMany(rule => rule.Evaluate(now, request, facts))];

    /// <summary>Every violation by a holder who cancels; empty = accepted.</summary>
    public static IReadOnlyList<Violation> EvaluateCancel(Instant now, Time.TimeWindow window, BookingLimits limits) => [.. NoticeRule.EvaluateCancel(now, window, limits)];

    /// <summary>What speaks of the people and the papers behind a booking, which may have changed since it was made: asked again before its lease is issued; empty = it may.</summary>
    public static IReadOnlyList<Violation> EvaluateAtStart(Instant now, BookingRequest request, BookingFacts facts) =>
        [.. Qualified.Evaluate(now, request, facts), .. Assessed.Evaluate(now, request, facts)];

    /// <summary>Every violation of a wish for a maintenance window: what already occupies the time. Opening hours and lengths do not bind it.</summary>
    public static IReadOnlyList<Violation> EvaluateOutage(Instant now, BookingRequest request, BookingFacts facts) =>
        [.. Occupancy.Evaluate(now, request, facts), .. Outages.Evaluate(now, request, facts)];
}
