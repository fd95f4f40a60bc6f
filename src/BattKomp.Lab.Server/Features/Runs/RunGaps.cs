using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>What the ledger misses of a run, page by page.</summary>
public sealed class RunGaps(RunViews views, ITelemetryStore store)
{
    /// <summary>A page by stream and sequence; the token is the number of gaps told already, and gaps that close meanwhile shift it.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND for the run or its stream; FIELDS_INVALID.</exception>
    public async Task<ListGapsResponse> PageAsync(Caller caller, ListGapsRequest request, CancellationToken cancel)
    {
        var (run, _) = await views.GetAsync(caller, request.Name, cancel);
        var size = Paging.Size(request.PageSize, 200, 1000);
        var skip = Paging.Count(request.PageToken);
        var streams = await store.GetStreamsAsync(run.Name, cancel);
        if (request.Stream.Length > 0 && streams.All(s => s.Key.ToString() != request.Stream)) throw LabErrors.NotFound(request.Stream);
        var rest = streams.Where(s => request.Stream.Length == 0 || s.Key.ToString() == request.Stream)
            .SelectMany(s => s.Gaps.Select(g => new Gap { Stream = s.Key.ToString(), First = g.First, Last = g.Last })).Skip(skip).Take(size + 1).ToList();
        return new ListGapsResponse { Gaps = { rest.Take(size) }, NextPageToken = rest.Count > size ? Paging.Token($"{skip + size}") : "" };
    }
}
