using BattKomp.Lab.Contracts;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using CsCheck;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>Any sequence of creates, moves, cancels and outages gives what a naive calendar gives; and answers survive a restart.</summary>
public abstract class CalendarOracleContract(BookingLabFixture fixture, string dialect)
{
    private static readonly string[] Channels = [TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2), TestSeed.EbcChannel];

    private static readonly Gen<Step> Steps = Gen.Select(Gen.Int[0, 9], Gen.Int[1, 7], Gen.Int[0, 12], Gen.Int[1, 5], Gen.Int[0, 30]).Select((kind, mask, start, length, which) =>
        new Step(kind switch { < 5 => "book", < 8 => "move", 8 => "cancel", _ => "outage" }, [.. Channels.Where((_, i) => (mask & (1 << i)) != 0)], start, length, which));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public Task Any_sequence_agrees_with_a_naive_calendar() => Steps.Array[1, 20].SampleAsync(RunAsync, iter: 12, threads: 1);

    [Fact]
    public async Task The_first_answer_is_replayed_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("battlab-restart-").FullName;
        var connection = dialect == "postgres" ? await PostgresFixture.NewDatabaseAsync() : "";
        try
        {
            Booking first, wish;
            await using (var before = await BookingLab.StartAsync(dialect, dataDirectory: folder, connection: connection))
                first = await before.CreateAsync(TestSeed.Teacher, wish = before.Wish(2, 1), "once");
            await using var after = await BookingLab.StartAsync(dialect, dataDirectory: folder, connection: connection);
            Assert.Equal(first, await after.CreateAsync(TestSeed.Teacher, wish, "once"));
            Assert.Equal(1, await after.CountAsync("SELECT count(*) FROM bookings"));
            Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => after.CreateAsync(TestSeed.Teacher, wish))).Reason);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_buffer_keeps_neighbours_apart_unless_a_manager_says_why()
    {
        await using var lab = await BookingLab.StartAsync(dialect, o => o.Bookings.BufferMinutes = 60);
        await lab.BookAsync(10, 1);
        var after = Assert.Single(await BookingLab.ViolationsAsync(() => lab.BookAsync(11, 1)));
        Assert.Equal(("BEGINS_TOO_SOON", "1 h", lab.Window(12, 1)), (after.Reason, after.Limit, after.Nearest));
        Assert.Equal("ENDS_TOO_LATE", Assert.Single(await BookingLab.ViolationsAsync(() => lab.BookAsync(8.5, 1))).Reason);
        var wish = lab.Wish(11, 1);
        wish.StateReason = "same team, same cell";
        Assert.Equal("same team, same cell", (await lab.CreateAsync(TestSeed.LabManager, wish)).StateReason);
        await lab.BookAsync(8, 1);
    }

    private async Task RunAsync(Step[] steps)
    {
        var lab = fixture.Lab.NewDays();
        var naive = new List<(string Name, Step Step)>();
        foreach (var step in steps)
        {
            if (step.Kind is "cancel" or "move")
            {
                if (naive.FindAll(n => n.Step.Kind == "book") is not { Count: > 0 } booked) continue;
                var gone = booked[step.Which % booked.Count];
                if (step.Kind == "move")
                {
                    var fits = !naive.Any(n => n != gone && n.Step.Meets(step));
                    var moved = await MoveAsync(lab, gone.Name, step);
                    Assert.Equal(fits, moved is not null);
                    if (moved is null) continue;
                    naive.Remove(gone);
                    naive.Add((moved, step with { Kind = "book" }));
                    continue;
                }
                await lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = gone.Name }, cancellationToken: Cancel);
                naive.Remove(gone);
                continue;
            }
            var free = !naive.Any(n => n.Step.Meets(step));
            var name = await TakeAsync(lab, step);
            Assert.Equal(free, name is not null);
            if (name is not null) naive.Add((name, step));
        }
        var listed = await lab.As(TestSeed.DoctoralStudent).ListBookingsAsync(new ListBookingsRequest { Window = lab.Window(0, 20) }, cancellationToken: Cancel);
        Assert.Equal(naive.Select(n => n.Name).Order(), listed.Bookings.Select(b => b.Name).Concat(listed.Outages.Select(o => o.Name)).Order());
        Assert.Equal(0, await lab.OverlapsAsync());
    }

    private static async Task<string?> MoveAsync(BookingLab lab, string name, Step to)
    {
        try
        {
            return (await lab.As(TestSeed.DoctoralStudent).ChangeBookingAsync(new ChangeBookingRequest
            {
                Name = name,
                Booking = new Booking { Window = lab.Window(to.Start, to.Length), Channels = { to.Channels } },
                UpdateMask = new Google.Protobuf.WellKnownTypes.FieldMask { Paths = { "window", "channels" } },
            }, cancellationToken: Cancel)).Name;
        }
        catch (RpcException e)
        {
            Assert.Equal("BOOKING_REFUSED", ErrorCatalogue.InfoOf(e)?.Reason);
            return null;
        }
    }

    private static async Task<string?> TakeAsync(BookingLab lab, Step step)
    {
        try
        {
            return step.Kind == "book"
                ? (await lab.BookAsync(step.Start, step.Length, step.Channels)).Name
                : (await lab.As(TestSeed.LabManager).CreateOutageAsync(
                    new CreateOutageRequest { Outage = new Outage { Resources = { step.Channels }, Window = lab.Window(step.Start, step.Length), Why = "check" } }, cancellationToken: Cancel)).Name;
        }
        catch (RpcException e)
        {
            Assert.Equal("BOOKING_REFUSED", ErrorCatalogue.InfoOf(e)?.Reason);
            return null;
        }
    }

    private sealed record Step(string Kind, string[] Channels, int Start, int Length, int Which)
    {
        public bool Meets(Step other) => Channels.Intersect(other.Channels).Any() && Start < other.Start + other.Length && other.Start < Start + Length;

        public override string ToString() => $"{Kind} {string.Join('+', Channels)} [{Start}, {Start + Length}) {Which}";
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteCalendarOracleTests(SqliteLab lab) : CalendarOracleContract(lab, "sqlite"), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresCalendarOracleTests(PostgresLab lab) : CalendarOracleContract(lab, "postgres"), IClassFixture<PostgresLab>;
