using System.Collections.Concurrent;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Tests.Server.Ingest;

/// <summary>A run register in memory: one run a lease or channel; a channel that another agent owns is kept aside.</summary>
public sealed class MemoryRunRegister : IRunRegister
{
    private readonly ConcurrentDictionary<StreamKey, StreamPlacement> _placed = new();

    /// <summary>Everything reported, in order.</summary>
    public ConcurrentQueue<StreamProgress> Reports { get; } = new();

    public Task<StreamPlacement> PlaceAsync(AgentCaller agent, StreamKey key, StreamHeader header, CancellationToken cancel) =>
        Task.FromResult(_placed.GetOrAdd(key, _ => header.Channel.StartsWith("rigs/other", StringComparison.Ordinal)
            ? StreamPlacement.Aside($"{header.Channel} belongs to another agent")
            : new StreamPlacement(header.Lease.Length > 0 ? "runs/" + header.Lease.Split('/')[1] : "runs/unbooked")));

    public Task ReportAsync(IReadOnlyList<StreamProgress> progress, CancellationToken cancel)
    {
        foreach (var one in progress) Reports.Enqueue(one);
        return Task.CompletedTask;
    }
}
