using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Runs;

/// <summary>
/// How long ago the server sent a lease, as far as the agent can know. Within one start of the agent the two are equal (monotonic clock); across a
/// restart they are the smaller and the greater of what the clocks say.
/// </summary>
/// <param name="AtLeast">Machine time that has certainly passed.</param>
/// <param name="AtMost">Machine time that may have passed.</param>
public readonly record struct LeaseElapsed(Duration AtLeast, Duration AtMost)
{
    /// <summary>Time counted by one clock alone.</summary>
    public static LeaseElapsed Exactly(Duration elapsed) => new(elapsed, elapsed);

    /// <summary>The same, a stretch of monotonic time later.</summary>
    public LeaseElapsed After(Duration more) => new(AtLeast + more, AtMost + more);
}

/// <summary>Where the moment lies relative to a lease.</summary>
public enum LeasePhase
{
    /// <summary>Its window has not certainly begun.</summary>
    NotYet,

    /// <summary>Energising is allowed.</summary>
    Active,

    /// <summary>Its window may have ended: the output goes off.</summary>
    Over,
}

/// <summary>What a lease allows at a moment.</summary>
/// <param name="Phase">Before, in or after the window.</param>
/// <param name="Remaining">Machine time certainly left until the window's end; zero when over.</param>
/// <param name="UntilStart">Longest machine time until the window has certainly begun; zero once it has.</param>
public readonly record struct LeaseVerdict(LeasePhase Phase, Duration Remaining, Duration UntilStart)
{
    /// <summary>True while the agent may energise the channel.</summary>
    public bool MayEnergise => Phase == LeasePhase.Active;

    /// <summary>True when the channel must be taken to its safe state.</summary>
    public bool MustStop => Phase == LeasePhase.Over;
}

/// <summary>
/// The rules of a lease, counted on the monotonic clock from the server time that the lease carries, so that an agent whose wall clock is wrong still
/// starts and stops in time. Doubt always shortens: the start waits for certainty, the end comes as soon as it is possible.
/// </summary>
public static class LeaseRules
{
    /// <summary>Judges a moment. The window is half-open: at its end the lease is over.</summary>
    public static LeaseVerdict Judge(TimeWindow window, Instant serverTime, LeaseElapsed elapsed)
    {
        var earliest = serverTime + elapsed.AtLeast;
        var latest = serverTime + elapsed.AtMost;
        if (latest >= window.End)
            return new LeaseVerdict(LeasePhase.Over, Duration.Zero, Duration.Zero);
        return earliest < window.Start
            ? new LeaseVerdict(LeasePhase.NotYet, window.End - latest, window.Start - earliest)
            : new LeaseVerdict(LeasePhase.Active, window.End - latest, Duration.Zero);
    }

    /// <summary>True when a step of at most <paramref name="longest"/> (machine time) certainly ends <paramref name="buffer"/> before the lease does.</summary>
    public static bool StepFits(LeaseVerdict verdict, Duration longest, Duration buffer) =>
        verdict.MayEnergise && longest + buffer <= verdict.Remaining;
}
