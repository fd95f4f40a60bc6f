using System.Security.Cryptography;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Leases;

public sealed class LeaseBookTests : IDisposable
{
    private static readonly DateTimeOffset Sent = new(2026, 11, 23, 8, 0, 0, TimeSpan.Zero);
    private readonly FaultyDisk _disk = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly MovableClock _clock = new();

    public void Dispose() => _key.Dispose();

    [Fact]
    public void Validity_is_counted_on_the_monotonic_clock_whatever_the_wall_clock_does()
    {
        _clock.Utc = DateTimeOffset.UnixEpoch;
        var lease = Take(Book(), startsAfter: 10, minutes: 60);
        Assert.Equal(LeasePhase.NotYet, lease.Verdict.Phase);
        _clock.Pass(TimeSpan.FromMinutes(11));
        _clock.Utc += TimeSpan.FromDays(4000);
        Assert.Equal(LeasePhase.Active, lease.Verdict.Phase);
        _clock.Pass(TimeSpan.FromMinutes(59));
        Assert.Equal(LeasePhase.Over, lease.Verdict.Phase);
    }

    [Fact]
    public void Across_a_restart_the_stricter_of_uptime_and_wall_clock_counts()
    {
        Take(Book(), startsAfter: 0, minutes: 60);
        _clock.Pass(TimeSpan.FromMinutes(30));
        _clock.Utc -= TimeSpan.FromMinutes(25);
        Assert.Equal(30, Book().Held.Single().Verdict.Remaining.TotalMinutes, 3);
        _clock.Utc += TimeSpan.FromMinutes(50);
        Assert.Equal(5, Book().Held.Single().Verdict.Remaining.TotalMinutes, 3);
    }

    [Fact]
    public void After_a_restart_of_the_machine_a_clock_that_went_back_holds_no_lease()
    {
        Take(Book(), startsAfter: 0, minutes: 60);
        _clock.Pass(TimeSpan.FromMinutes(5));
        _clock.OsBoot = "second";
        Assert.Equal(55, Book().Held.Single().Verdict.Remaining.TotalMinutes, 3);
        _clock.Utc = DateTimeOffset.UnixEpoch;
        Assert.Empty(Book().Held);
    }

    [Fact]
    public void An_old_copy_played_again_does_not_turn_the_lease_back()
    {
        var book = Book();
        var signed = Sign(0, 60);
        Assert.Empty(book.Take(signed).Problem);
        _clock.Pass(TimeSpan.FromMinutes(40));
        Assert.Equal(20, book.Take(signed).Lease!.Verdict.Remaining.TotalMinutes, 3);
    }

    [Fact]
    public void A_lease_for_another_agent_or_by_another_key_is_refused()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var book = Book();
        Assert.Contains("bad signature", book.Take(Sign(0, 60, by: other)).Problem);
        Assert.Contains("made out to agents/b", book.Take(Sign(0, 60, agent: "agents/b")).Problem);
        Assert.Empty(book.Held);
    }

    [Fact]
    public void A_dropped_lease_is_gone_from_disk()
    {
        var book = Book();
        Take(book, 0, 60);
        book.Drop("leases/l1");
        Assert.Empty(Book().Held);
    }

    private LeaseBook Book() => new(_disk, "agents/a", _clock, _clock) { Key = _key.ExportSubjectPublicKeyInfo() };

    private HeldLease Take(LeaseBook book, int startsAfter, int minutes)
    {
        var (lease, problem) = book.Take(Sign(startsAfter, minutes));
        Assert.Empty(problem);
        return lease!;
    }

    private SignedLease Sign(int startsAfter, int minutes, ECDsa? by = null, string agent = "agents/a")
    {
        var lease = new Lease
        {
            Name = "leases/l1",
            Agent = agent,
            ServerTime = Sent.ToTimestamp(),
            Window = new TimeWindow { Start = Sent.AddMinutes(startsAfter).ToTimestamp(), End = Sent.AddMinutes(startsAfter + minutes).ToTimestamp() },
        };
        var bytes = lease.ToByteArray();
        return new SignedLease
        {
            Lease = ByteString.CopyFrom(bytes),
            Signature = ByteString.CopyFrom((by ?? _key).SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)),
        };
    }

    private sealed class MovableClock : TimeProvider, IMachineUptime
    {
        private TimeSpan _since;

        public DateTimeOffset Utc { get; set; } = Sent;

        public string OsBoot { get; set; } = "first";

        public TimeSpan Uptime => _since;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time)
        {
            _since += time;
            Utc += time;
        }

        public override DateTimeOffset GetUtcNow() => Utc;

        public override long GetTimestamp() => _since.Ticks;
    }
}
