using System.Text;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>What is frozen when something stops a channel.</summary>
/// <param name="Files">Content by file name.</param>
public sealed record Evidence(IReadOnlyDictionary<string, string> Files)
{
    /// <summary>Nothing.</summary>
    public static Evidence None { get; } = new(new Dictionary<string, string>());
}

/// <summary>
/// Stops that only a person may undo: the channel is locked, durably, until it is released; the server is told on every connection; evidence lies in a
/// folder of its own. Kept on disk, so that a restart forgets none. Safe for several threads.
/// </summary>
public sealed class IncidentBook
{
    private const string FileName = "incidents.json";
    private readonly IJournalDisk? _disk;
    private readonly StopLocks _locks;
    private readonly string? _folder;
    private readonly Action<string> _log;
    private readonly Lock _gate = new();
    private readonly List<IncidentReport> _open = [];

    /// <summary>Reads what an earlier start left open. Without a disk or folder nothing but the locks outlives the process.</summary>
    public IncidentBook(StopLocks locks, IJournalDisk? disk = null, string? folder = null, Action<string>? log = null)
    {
        (_locks, _disk, _folder, _log) = (locks, disk, folder, log ?? (_ => { }));
        try
        {
            if (disk?.ReadAll(FileName) is { Length: > 0 } bytes)
                _open.AddRange((JsonSerializer.Deserialize<List<string>>(bytes) ?? []).Select(IncidentReport.Parser.ParseJson));
        }
        catch (Exception e) when (e is JsonException or InvalidProtocolBufferException)
        {
            _log($"{FileName} cannot be read ({e.Message}); the locks stand all the same");
        }
    }

    /// <summary>Told of every incident as it is opened.</summary>
    public event Action<IncidentReport>? Opened;

    /// <summary>All that are not released.</summary>
    public IReadOnlyList<IncidentReport> Open
    {
        get
        {
            lock (_gate)
                return [.. _open.Select(i => i.Clone())];
        }
    }

    /// <summary>
    /// Locks a channel and opens an incident, or returns the open one of the same channel and cause. A disk that cannot keep it is told to the
    /// operator; the channel is locked in memory all the same.
    /// </summary>
    public IncidentReport Raise(IncidentReport incident, Func<Evidence> evidence)
    {
        lock (_gate)
        {
            if (_open.FirstOrDefault(i => i.Channel == incident.Channel && i.Cause == incident.Cause) is { } known)
                return known.Clone();
            incident.Id = $"i{Guid.NewGuid():N}";
            _open.Add(incident.Clone());
            Keep(() => _locks.Lock(incident.Channel, $"incident {incident.Id}: {incident.Cause}: {incident.Detail}"), "the lock");
            Keep(Write, "the incident");
        }
        Keep(() => Freeze(incident, evidence()), "the evidence");
        Opened?.Invoke(incident.Clone());
        return incident;
    }

    /// <summary>Closes a channel's incidents and unlocks it.</summary>
    public void Release(string channel)
    {
        lock (_gate)
        {
            _open.RemoveAll(i => i.Channel == channel);
            Keep(() => _locks.Release(channel), "the release");
            Keep(Write, "the release");
        }
    }

    private void Write() => _disk?.WriteAtomically(FileName, JsonSerializer.SerializeToUtf8Bytes(_open.Select(i => JsonFormatter.Default.Format(i))));

    private void Freeze(IncidentReport incident, Evidence evidence)
    {
        if (_folder is null)
            return;
        var folder = Path.Combine(_folder, incident.Id);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "incident.json"), JsonFormatter.Default.Format(incident), Encoding.UTF8);
        foreach (var (name, content) in evidence.Files)
            File.WriteAllText(Path.Combine(folder, name), content, Encoding.UTF8);
    }

    private void Keep(Action write, string what)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log($"{what} could not be kept on disk: {e.Message}");
        }
    }
}
