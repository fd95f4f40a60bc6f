namespace BattKomp.Lab.Telemetry;

/// <summary>What became of one entry.</summary>
public enum AppendResult
{
    /// <summary>Committed now.</summary>
    Stored,

    /// <summary>Was committed before with the same content; nothing was added.</summary>
    Duplicate,

    /// <summary>Kept aside with its reason; the agent may free it.</summary>
    Quarantined,

    /// <summary>The store has no opening for the stream: not kept, the agent must send from sequence 0.</summary>
    UnknownStream,
}

/// <summary>The store's answer to one entry; all but <see cref="AppendResult.UnknownStream"/> are durable when the call returns.</summary>
/// <param name="Result">What became of it.</param>
/// <param name="Detail">Why quarantined; else empty.</param>
/// <param name="MissingBefore">A hole in the ledger that ends just before this entry; the agent is asked to send it again.</param>
/// <param name="Run">runs/… of the stream, empty when unknown.</param>
public sealed record AppendOutcome(AppendResult Result, string Detail, SequenceRange? MissingBefore, string Run);

/// <summary>The store cannot take writes now (disk full, reopening); nothing of the call was acknowledged. Retry with back-off.</summary>
public class StoreUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
