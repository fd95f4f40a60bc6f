using System.Collections.Concurrent;
using System.Security.Cryptography;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Entry = BattKomp.Lab.V1.Entry;
using TimeWindow = BattKomp.Lab.V1.TimeWindow;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>What a driver needs around it, in this process: a journal on a disk that can fail, leases signed here, reports and log kept.</summary>
internal sealed class DriverBench : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly LeaseBook _book;

    public DriverBench(FaultyDisk? disk = null, string boot = "b0", JournalOptions? options = null)
    {
        Disk = disk ?? new FaultyDisk();
        Journal = AgentJournal.Open(Disk, options);
        Clock = new StampClock(TimeProvider.System, LabClock.RealTime);
        Context = new DriverContext(Journal, new StreamNames("agents/a", boot), Clock, TimeProvider.System, new StopLocks(new FaultyDisk()), Reports.Enqueue, Log.Enqueue);
        _book = new LeaseBook(new FaultyDisk(), "agents/a", TimeProvider.System, new MachineUptime()) { Key = _key.ExportSubjectPublicKeyInfo() };
    }

    public FaultyDisk Disk { get; }

    public AgentJournal Journal { get; }

    public StampClock Clock { get; }

    public DriverContext Context { get; }

    public ConcurrentQueue<ChannelReport> Reports { get; } = new();

    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Gives a channel a lease that is active now, for an hour.</summary>
    public string? Lease(ChannelDriver channel, LeasedChannel part)
    {
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        var lease = new Lease
        {
            Name = $"leases/{part.Run.Split('/')[1]}",
            Agent = "agents/a",
            ServerTime = now,
            Window = new TimeWindow { Start = now, End = now + Duration.FromTimeSpan(TimeSpan.FromHours(1)) },
            Channels = { part },
        };
        if (part.Program is not null)
            lease.Channels[0].ProcedureSha256 = ProgramCheck.HashOf(part.Program);
        var bytes = lease.ToByteArray();
        var (held, _) = _book.Take(new SignedLease
        {
            Lease = ByteString.CopyFrom(bytes),
            Signature = ByteString.CopyFrom(_key.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)),
        });
        return channel.Take(held!, held!.Lease.Channels[0]);
    }

    /// <summary>Everything committed so far.</summary>
    public List<Entry> Entries()
    {
        using var reader = Journal.Read(new JournalPosition(0, 0));
        var entries = new List<Entry>();
        while (reader.TryRead() is { } frame)
            entries.Add(Entry.Parser.ParseFrom(frame.Payload));
        return entries;
    }

    public IEnumerable<StreamEvent> Events(StreamEvent.Types.Kind kind) => Entries().Where(e => e.Event?.Kind == kind).Select(e => e.Event);

    public void Dispose()
    {
        Journal.Dispose();
        _key.Dispose();
    }
}
