using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using StreamKey = BattKomp.Lab.Telemetry.StreamKey;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>What happened in a run beside its records, for those who see the run in full.</summary>
public sealed class RunEvents(RunViews views, ITelemetryStore store)
{
    /// <summary>A page in the order of stamps, then of streams and sequences.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND; NOT_ALLOWED in the safety view; FIELDS_INVALID.</exception>
    public async Task<ListRunEventsResponse> PageAsync(Caller caller, ListRunEventsRequest request, CancellationToken cancel)
    {
        var (run, level) = await views.GetAsync(caller, request.Name, cancel);
        if (level != ViewLevel.Full) throw LabErrors.NotAllowed($"see the events of {run.Name}", "Ask the holder of its booking.");
        var size = Paging.Size(request.PageSize, 200, 1000);
        var skip = Paging.Count(request.PageToken);
        var all = await store.GetEventsAsync(run.Name, cancel);
        var page = all.Skip(skip).Take(size).Select(ToProto);
        return new ListRunEventsResponse { Events = { page }, NextPageToken = skip + size < all.Count ? Paging.Token($"{skip + size}") : "" };
    }

    /// <summary>The message of a stored event.</summary>
    internal static LoggedEvent ToProto(StoredEvent e) => new()
    {
        Kind = e.Event.Kind,
        UtcNs = e.Event.UtcNs,
        UntilUtcNs = e.Event.UntilUtcNs,
        Cause = e.Event.Cause,
        Detail = e.Event.Detail,
        Step = e.Event.Step,
        StepCount = e.Event.StepCount,
        Stream = e.Key.ToString(),
        Sequence = e.Seq,
    };
}

/// <summary>The events of one run that a watcher has not been told yet; looks at most once a second.</summary>
internal sealed class EventsSince(ITelemetryStore store, string run, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private readonly HashSet<(StreamKey, long)> _told = [];
    private long? _looked;

    /// <summary>Takes what is stored already as told.</summary>
    public async Task SkipAsync(CancellationToken cancel)
    {
        foreach (var e in await store.GetEventsAsync(run, cancel)) _told.Add((e.Key, e.Seq));
    }

    /// <summary>New events by stamp; none when the last look was a moment ago, unless it is the <paramref name="last"/> one.</summary>
    public async Task<IReadOnlyList<LoggedEvent>> NextAsync(bool last, CancellationToken cancel)
    {
        if (!last && _looked is { } at && time.GetElapsedTime(at) < Interval) return [];
        _looked = time.GetTimestamp();
        return [.. (await store.GetEventsAsync(run, cancel)).Where(e => _told.Add((e.Key, e.Seq))).Select(RunEvents.ToProto)];
    }
}
