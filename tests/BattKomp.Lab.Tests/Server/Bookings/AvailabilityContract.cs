using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>What a search offers can be booked; the same on either database.</summary>
public abstract class AvailabilityContract(BookingLabFixture fixture)
{
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_offered_can_be_booked_and_is_not_offered_again()
    {
        var search = new SearchAvailabilityRequest { Count = 3, LengthMinutes = 120, Within = _lab.Window(0, 20), Place = TestSeed.CyclerRig, ActivityClass = "research" };
        await _lab.BookAsync(2, 2, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2));
        var first = await Client(TestSeed.Teacher).SearchAvailabilityAsync(search, cancellationToken: Cancel);
        Assert.Equal((_lab.Window(0, 2), TestSeed.CyclerRig, TestSeed.Lab, 3), (first.Windows[0].Window, first.Windows[0].Rig, first.Windows[0].Lab, first.Windows[0].Channels.Count));
        // Two of four are taken from 2 to 4, so that three are not free together.
        Assert.Equal(_lab.Window(4, 2), first.Windows[1].Window);
        foreach (var offer in first.Windows) await BookAsync(offer);
        await Eventually.Async(async () => (await Client(TestSeed.Teacher).SearchAvailabilityAsync(search, cancellationToken: Cancel)).Windows.Count == 0, TimeSpan.FromSeconds(10), "what was booked is offered no more");
        var none = await Client(TestSeed.Teacher).SearchAvailabilityAsync(search, cancellationToken: Cancel);
        Assert.Equal(("NO_FREE_TIME", 1), (Assert.Single(none.NearMisses).Reason, none.NearMisses[0].Rigs));
        Assert.True(await _lab.CountAsync("SELECT count(*) FROM demand_signals WHERE kind = 'search-empty'") > 0);
    }

    [Fact]
    public async Task Filters_and_rules_drop_rigs_and_say_how_many()
    {
        var strong = await Client(TestSeed.Teacher).SearchAvailabilityAsync(new SearchAvailabilityRequest { Count = 2, LengthMinutes = 60, Within = _lab.Window(0, 10) }, cancellationToken: Cancel);
        Assert.All(strong.Windows, w => Assert.Equal(TestSeed.CyclerRig, w.Rig));
        Assert.Contains(strong.NearMisses, m => m is { Reason: "TOO_FEW_CHANNELS", Rigs: 1 });
        var hot = await Client(TestSeed.Teacher).SearchAvailabilityAsync(new SearchAvailabilityRequest { LengthMinutes = 60, Celsius = 61, Within = _lab.Window(0, 10) }, cancellationToken: Cancel);
        Assert.Empty(hot.Windows);
        var long60 = await Client(TestSeed.Teacher).SearchAvailabilityAsync(new SearchAvailabilityRequest { LengthMinutes = 61 * 24 * 60, Within = _lab.Window(0, 10) }, cancellationToken: Cancel);
        Assert.Equal(("TOO_LONG", 2), (Assert.Single(long60.NearMisses).Reason, long60.NearMisses[0].Rigs));
        await _lab.ExecuteAsync("UPDATE rigs SET locked_us = 1 WHERE name = @n", ("n", TestSeed.EbcRig));
        await Eventually.Async(async () => (await Client(TestSeed.Teacher).SearchAvailabilityAsync(new SearchAvailabilityRequest { LengthMinutes = 60, Place = TestSeed.EbcRig }, cancellationToken: Cancel)).NearMisses.Any(m => m.Reason == "RIG_LOCKED"),
            TimeSpan.FromSeconds(10), "a locked rig is not offered");
        await _lab.ExecuteAsync("UPDATE rigs SET locked_us = NULL WHERE name = @n", ("n", TestSeed.EbcRig));
        // The catalogue is kept for two seconds; the next test finds the rig as it was.
        await Eventually.Async(async () => (await Client(TestSeed.Teacher).SearchAvailabilityAsync(new SearchAvailabilityRequest { LengthMinutes = 60, Place = TestSeed.EbcRig }, cancellationToken: Cancel)).NearMisses.All(m => m.Reason != "RIG_LOCKED"),
            TimeSpan.FromSeconds(10), "a released rig is offered again");
    }

    [Fact]
    public async Task Malformed_searches_name_every_field()
    {
        var error = await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await Client(TestSeed.Teacher).SearchAvailabilityAsync(new SearchAvailabilityRequest
        {
            Count = 65,
            LengthMinutes = 0,
            Place = "labs/none",
            Stage = "x",
            Volt = -1,
            Celsius = -300,
            GridMinutes = 7,
            MaxWindows = 101,
            Headcount = -1,
            Within = _lab.Window(0, 24 * 93),
        }, cancellationToken: Cancel));
        var fields = Grpc.Core.RpcExceptionExtensions.GetRpcStatus(error)!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(f => f.Field);
        Assert.Equal(["celsius", "count", "grid_minutes", "headcount", "length_minutes", "max_windows", "place", "stage", "volt", "within"], fields.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_watch_answers_again_when_the_answer_changes_and_a_token_says_what_was_told()
    {
        var search = new SearchAvailabilityRequest { LengthMinutes = 60, Within = _lab.Window(0, 3), Place = TestSeed.EbcRig };
        using var watch = Client(TestSeed.Teacher).WatchAvailability(new WatchAvailabilityRequest { Search = search }, cancellationToken: Cancel);
        Assert.True(await watch.ResponseStream.MoveNext(Cancel));
        var told = watch.ResponseStream.Current;
        Assert.Equal(3, told.Windows.Count);
        using var resumed = Client(TestSeed.Teacher).WatchAvailability(new WatchAvailabilityRequest { Search = search, ResumeToken = told.ResumeToken }, cancellationToken: Cancel);
        var made = await _lab.BookAsync(1, 1);
        foreach (var stream in new[] { watch, resumed })
        {
            Assert.True(await stream.ResponseStream.MoveNext(Cancel));
            Assert.Equal([_lab.Window(0, 1), _lab.Window(2, 1)], stream.ResponseStream.Current.Windows.Select(w => w.Window));
        }
        await _lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = made.Name }, cancellationToken: Cancel);
        Assert.True(await watch.ResponseStream.MoveNext(Cancel));
        Assert.Equal(told.Windows, watch.ResponseStream.Current.Windows);
    }

    [Fact]
    public async Task What_is_taken_is_listed_by_channel_clipped_and_without_a_word_of_by_whom()
    {
        await _lab.BookAsync(1, 2, TestSeed.CyclerChannel(2));
        await _lab.BookAsync(4, 2, TestSeed.CyclerChannel(2), TestSeed.EbcChannel);
        var taken = await Client(TestSeed.Coordinator).ListTakenAsync(new ListTakenRequest { Within = _lab.Window(2, 3), Place = TestSeed.Lab }, cancellationToken: Cancel);
        long[] Hours(params double[] hours) => [.. hours.Select(h => _lab.Micros(h) / 1_000_000)];
        Assert.Equal([TestSeed.CyclerChannel(2), TestSeed.EbcChannel], taken.Channels.Select(c => c.Channel));
        Assert.Equal(Hours(2, 3, 4, 5), taken.Channels[0].Edges);
        Assert.Equal(Hours(4, 5), taken.Channels[1].Edges);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await Client(TestSeed.Teacher).ListTakenAsync(new ListTakenRequest { Within = _lab.Window(0, 24 * 101), Place = "x" }, cancellationToken: Cancel));
    }

    private AvailabilityService.AvailabilityServiceClient Client(string token) => new(_lab.Lab.As(token));

    private Task<Booking> BookAsync(AvailableWindow offer)
    {
        var wish = _lab.Wish(0, 1, [.. offer.Channels]);
        wish.Window = offer.Window;
        return _lab.CreateAsync(TestSeed.Teacher, wish);
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteAvailabilityTests(SqliteLab lab) : AvailabilityContract(lab), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresAvailabilityTests(PostgresLab lab) : AvailabilityContract(lab), IClassFixture<PostgresLab>;
