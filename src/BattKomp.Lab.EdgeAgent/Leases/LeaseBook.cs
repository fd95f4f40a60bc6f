using System.Security.Cryptography;
using System.Text.Json;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Google.Protobuf;
using NodaTime;
using Duration = NodaTime.Duration;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.EdgeAgent.Leases;

/// <summary>A lease that was verified, with its time counted on this machine's monotonic clock.</summary>
public sealed class HeldLease
{
    private readonly TimeProvider _machine;
    private volatile Copy _copy;

    internal HeldLease(Lease lease, LeaseElapsed before, TimeProvider machine) => (_machine, _copy) = (machine, new Copy(lease, before, machine.GetTimestamp()));

    /// <summary>What the server signed.</summary>
    public Lease Lease => _copy.Lease;

    /// <summary>Half-open, server time.</summary>
    public TimeWindow Window => _copy.Window;

    /// <summary>When the server sent this copy.</summary>
    public Instant ServerTime => _copy.ServerTime;

    /// <summary>Machine time since the server sent it.</summary>
    public LeaseElapsed Elapsed => ElapsedOf(_copy);

    /// <summary>What it allows now.</summary>
    public LeaseVerdict Verdict
    {
        get
        {
            var copy = _copy;
            return LeaseRules.Judge(copy.Window, copy.ServerTime, ElapsedOf(copy));
        }
    }

    /// <summary>The time that a step must end before the window does.</summary>
    public Duration Buffer => Duration.FromSeconds(Lease.BufferSeconds);

    // A booking that was extended sends its lease again: a run that goes on under it sees the new end at once.
    internal void Renew(HeldLease fresh) => _copy = fresh._copy;

    private LeaseElapsed ElapsedOf(Copy copy) => copy.Before.After(Duration.FromTimeSpan(_machine.GetElapsedTime(copy.Since)));

    private sealed record Copy(Lease Lease, LeaseElapsed Before, long Since)
    {
        internal TimeWindow Window { get; } = new(Instant.FromDateTimeOffset(Lease.Window.Start.ToDateTimeOffset()), Instant.FromDateTimeOffset(Lease.Window.End.ToDateTimeOffset()));

        internal Instant ServerTime { get; } = Instant.FromDateTimeOffset(Lease.ServerTime.ToDateTimeOffset());
    }
}

/// <summary>
/// The leases that this agent holds: signature checked against the pinned key, made durable before they are accepted. Across a restart the elapsed time is
/// taken from two clocks, the machine's uptime and the wall clock: the greater counts against the end, the smaller against the start. After a restart
/// of the machine itself only the wall clock is left; when that has gone back, the lease waits for the server to send it again.
/// </summary>
public sealed class LeaseBook
{
    private const string Suffix = ".lease.json";
    private static readonly Duration StaleCopy = Duration.FromSeconds(30);
    private readonly IJournalDisk _disk;
    private readonly string _agent;
    private readonly TimeProvider _machine;
    private readonly IMachineUptime _uptime;
    private readonly Dictionary<string, HeldLease> _held = [];
    private readonly Lock _gate = new();

    /// <summary>Reads what an earlier start left on disk; unreadable files are ignored, the server sends those leases again.</summary>
    public LeaseBook(IJournalDisk disk, string agent, TimeProvider machine, IMachineUptime uptime)
    {
        (_disk, _agent, _machine, _uptime) = (disk, agent, machine, uptime);
        foreach (var name in disk.List().Where(n => n.EndsWith(Suffix, StringComparison.Ordinal)))
            Load(name);
    }

    /// <summary>The public key that signs leases (SubjectPublicKeyInfo, DER); null until pinned.</summary>
    public byte[]? Key { get; set; }

    /// <summary>All leases held, over or not.</summary>
    public IReadOnlyList<HeldLease> Held
    {
        get
        {
            lock (_gate)
                return [.. _held.Values];
        }
    }

    /// <summary>Verifies a lease and makes it durable. Returns the lease, or null and why not.</summary>
    public (HeldLease? Lease, string Problem) Take(SignedLease signed)
    {
        if (Key is null)
            return (null, "the key that signs leases is not known yet");
        if (!Verifies(signed))
            return (null, "bad signature: the lease was not signed with the pinned key");
        var lease = Lease.Parser.ParseFrom(signed.Lease);
        if (lease.Agent != _agent)
            return (null, $"made out to {lease.Agent}, this agent is {_agent}");
        if (lease.Window is null || lease.ServerTime is null || lease.Window.End <= lease.Window.Start)
            return (null, "window and server_time must be set, and the window must end after it starts");
        var fresh = new HeldLease(lease, default, _machine);
        lock (_gate)
        {
            // An old copy played again would turn this lease's clock back.
            if (_held.TryGetValue(lease.Name, out var known) && fresh.ServerTime + StaleCopy < known.ServerTime + known.Elapsed.AtLeast)
                return (known, "");
            Save(signed, lease.Name);
            if (known is null) _held[lease.Name] = known = fresh;
            else known.Renew(fresh);
            return (known, "");
        }
    }

    /// <summary>Forgets a lease whose runs have ended.</summary>
    public void Drop(string lease)
    {
        lock (_gate)
        {
            _held.Remove(lease);
            _disk.Delete(FileOf(lease));
        }
    }

    private bool Verifies(SignedLease signed)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(Key, out _);
            return key.KeySize == 256 && key.VerifyData(signed.Lease.Span, signed.Signature.Span, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static string FileOf(string lease) => lease.Replace('/', '_') + Suffix;

    private void Save(SignedLease signed, string lease) =>
        _disk.WriteAtomically(FileOf(lease), JsonSerializer.SerializeToUtf8Bytes(
            new Stored(signed.ToByteArray(), _machine.GetUtcNow(), _uptime.OsBoot, _uptime.Uptime)));

    private void Load(string name)
    {
        try
        {
            var stored = JsonSerializer.Deserialize<Stored>(_disk.ReadAll(name))!;
            var lease = Lease.Parser.ParseFrom(SignedLease.Parser.ParseFrom(stored.Signed).Lease);
            if (ElapsedSince(stored) is { } elapsed)
                _held[lease.Name] = new HeldLease(lease, elapsed, _machine);
        }
        catch (Exception e) when (e is JsonException or InvalidProtocolBufferException or ArgumentException or NullReferenceException)
        {
            _disk.Delete(name);
        }
    }

    private LeaseElapsed? ElapsedSince(Stored stored)
    {
        var wall = Duration.FromTimeSpan(_machine.GetUtcNow() - stored.Received);
        if (stored.OsBoot != _uptime.OsBoot || _uptime.OsBoot.Length == 0)
            return wall < Duration.Zero ? null : LeaseElapsed.Exactly(wall);
        var up = Duration.FromTimeSpan(_uptime.Uptime - stored.Uptime);
        return new LeaseElapsed(Duration.Max(Duration.Zero, Duration.Min(wall, up)), Duration.Max(Duration.Zero, Duration.Max(wall, up)));
    }

    private sealed record Stored(byte[] Signed, DateTimeOffset Received, string OsBoot, TimeSpan Uptime);
}
