using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Journal;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>Channels that were stopped and stay locked until released; kept on disk, so that a restart does not unlock them.</summary>
public sealed class StopLocks
{
    private const string FileName = "stop-locks.json";
    private readonly IJournalDisk _disk;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _locked;

    /// <summary>Reads the locks; a file that cannot be read locks nothing by itself, the server repeats its stop.</summary>
    public StopLocks(IJournalDisk disk)
    {
        _disk = disk;
        try
        {
            _locked = disk.ReadAll(FileName) is { Length: > 0 } bytes ? JsonSerializer.Deserialize<Dictionary<string, string>>(bytes) ?? [] : [];
        }
        catch (JsonException)
        {
            _locked = [];
        }
    }

    /// <summary>Why a channel is locked; null when it is not.</summary>
    public string? Reason(string channel)
    {
        lock (_gate)
            return _locked.GetValueOrDefault(channel);
    }

    /// <summary>Locks a channel durably.</summary>
    public void Lock(string channel, string reason) => Change(() => _locked[channel] = reason);

    /// <summary>Releases a channel durably.</summary>
    public void Release(string channel) => Change(() => _locked.Remove(channel));

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _disk.WriteAtomically(FileName, JsonSerializer.SerializeToUtf8Bytes(_locked));
        }
    }
}
