using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>One start of the agent.</summary>
/// <param name="Boot">Unique name of the start, part of every stream's identity.</param>
/// <param name="Order">Strictly greater than every earlier one on this disk: UTC start in ns where the clock allows, else the last one plus 1.</param>
public sealed record AgentBoot(string Boot, long Order)
{
    private const string FileName = "boot.json";

    /// <summary>Takes the next boot and makes it durable before anything is written under it.</summary>
    public static AgentBoot Next(IJournalDisk disk, TimeProvider machine)
    {
        var now = (machine.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        var order = Math.Max(now, Last(disk) + 1);
        var boot = new AgentBoot($"b{order:x}", order);
        disk.WriteAtomically(FileName, JsonSerializer.SerializeToUtf8Bytes(boot));
        return boot;
    }

    private static long Last(IJournalDisk disk)
    {
        try
        {
            return disk.ReadAll(FileName) is { Length: > 0 } bytes ? JsonSerializer.Deserialize<AgentBoot>(bytes)?.Order ?? 0 : 0;
        }
        catch (JsonException)
        {
            return 0;
        }
    }
}
