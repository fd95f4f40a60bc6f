namespace BattKomp.Lab.Domain.Runs;

/// <summary>Where a run stands.</summary>
public enum RunStage
{
    /// <summary>The lease is out; nothing has been seen from the instrument.</summary>
    Ready,

    /// <summary>Energised, or records flow.</summary>
    Running,

    /// <summary>Ended at the instrument; records may still be on their way.</summary>
    Ended,

    /// <summary>Streams closed and ledger complete (or grace time over), segments written.</summary>
    Final,

    /// <summary>The lease ended and nothing ever ran.</summary>
    Missed,
}

/// <summary>What can move a run.</summary>
public enum RunEvent
{
    /// <summary>The agent energised the channel, or opened a stream for the run.</summary>
    Started,

    /// <summary>The agent says that it is over, or the server knows that it must be.</summary>
    Ended,

    /// <summary>The segments are written and the account is closed.</summary>
    Finalised,

    /// <summary>The lease is over, and the agent would have told if anything had run.</summary>
    LeaseOver,
}

/// <summary>The run's state machine. What the instrument did wins over what was believed: a missed run that turns out to have run, runs.</summary>
public static class RunLifecycle
{
    /// <summary>The stage after the event; null when the transition is refused. The same stage again is not a transition and is refused too.</summary>
    public static RunStage? Next(RunStage stage, RunEvent happened) => (stage, happened) switch
    {
        (RunStage.Ready or RunStage.Missed, RunEvent.Started) => RunStage.Running,
        // An agent that was away may tell the end first.
        (RunStage.Ready or RunStage.Running or RunStage.Missed, RunEvent.Ended) => RunStage.Ended,
        (RunStage.Ended, RunEvent.Finalised) => RunStage.Final,
        (RunStage.Ready, RunEvent.LeaseOver) => RunStage.Missed,
        _ => null,
    };

    /// <summary>Stages from which the event is allowed, for the message of a refusal.</summary>
    public static IReadOnlyList<RunStage> AllowedFrom(RunEvent happened) =>
        [.. Enum.GetValues<RunStage>().Where(s => Next(s, happened) is not null)];
}
