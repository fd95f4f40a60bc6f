using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>The store's account of a run as the message that GetCompleteness and datasets carry.</summary>
public static class CompletenessMap
{
    /// <summary>The certificate.</summary>
    public static Completeness ToProto(RunCompleteness run) => new()
    {
        Run = run.Run,
        Streams = { run.Streams.Select(s => Stream(run, s)) },
        Expected = run.Expected,
        Stored = run.Stored,
        Missing = run.Missing,
        Complete = run.Complete,
        Sentence = run.Sentence,
        Records = run.Counts.Records,
        Duplicates = run.Counts.Duplicates,
        Outages = { run.Outages.Select(o => new OutageRecord { Stream = o.Key.ToString(), FromUtcNs = o.Event.UtcNs, ToUtcNs = o.Event.UntilUtcNs, Cause = o.Event.Cause }) },
        Quarantined = run.Counts.Quarantined,
        Quarantine = { run.Quarantine.Select(q => new QuarantinedRecord { Stream = q.Key.ToString(), Sequence = q.FirstSeq, Reason = q.Reason }) },
    };

    private static StreamCompleteness Stream(RunCompleteness run, StreamState stream) => new()
    {
        Agent = stream.Key.Agent,
        Boot = stream.Key.Boot,
        Stream = stream.Key.Stream,
        Expected = stream.Expected,
        Stored = stream.StoredCount,
        Gaps = { stream.Gaps.Select(g => new V1.SequenceRange { First = g.First, Last = g.Last }) },
        Records = stream.Records,
        CloseReason = stream.CloseReason,
        LedgerSha256 = run.LedgerSha256.GetValueOrDefault(stream.Key, ""),
        ProvedFrom = run.Counted.Contains(stream.Key) ? "device_counter" : "agent",
    };
}
