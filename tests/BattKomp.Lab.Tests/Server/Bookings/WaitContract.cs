using BattKomp.Lab.Server.Features.Sharing;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>The line for time that is taken, and who comes first in it; the same on either database.</summary>
public abstract class WaitContract(string dialect) : IAsyncLifetime
{
    private readonly ShiftedTime _time = new();
    private BookingLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = await BookingLab.StartAsync(dialect, time: _time);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task Scenario_28_what_is_free_is_booked_and_not_waited_for_and_nobody_waits_twice_or_for_nothing()
    {
        Assert.Equal("FREE_NOW", Assert.Single(await BookingLab.ViolationsAsync(() => JoinAsync(TestSeed.Teacher, 10, 2))).Reason);
        await _lab.BookAsync(10, 2);
        var wait = await JoinAsync(TestSeed.Teacher, 10, 2);
        Assert.Equal(WaitState.Waiting, wait.State);
        Assert.Equal("ALREADY_WAITING", Assert.Single(await BookingLab.ViolationsAsync(() => JoinAsync(TestSeed.Teacher, 10, 2))).Reason);
        Assert.Equal("TOO_MANY_PERSONS", Assert.Single(await BookingLab.ViolationsAsync(() => JoinAsync(TestSeed.CourseOwner, 10, 2, headcount: 500))).Reason);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await Client(TestSeed.Teacher).JoinWaitListAsync(new JoinWaitListRequest { Search = new() { LengthMinutes = 60 }, Booking = _lab.Wish(0, 1) }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => LeaveAsync(TestSeed.CourseOwner, wait.Name));
        Assert.Equal(WaitState.Left, (await LeaveAsync(TestSeed.Teacher, wait.Name)).State);
        await BookingLab.RefusedAsync(Reason.WrongState, () => LeaveAsync(TestSeed.Teacher, wait.Name));
        Assert.Empty((await Client(TestSeed.Teacher).ListWaitsAsync(new ListWaitsRequest(), cancellationToken: Cancel)).Waits);
    }

    [Fact]
    public async Task Scenario_29_what_comes_free_is_held_for_the_first_and_when_unanswered_for_the_second_in_the_seconds_name()
    {
        var made = await _lab.BookAsync(30, 2);
        await JoinAsync(TestSeed.Teacher, 30, 2);
        await JoinAsync(TestSeed.IndustryEngineer, 30, 2);
        await SweepAsync("wait-offers");
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM waits WHERE state = 2"));
        await _lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = made.Name }, cancellationToken: Cancel);
        await SweepAsync("wait-offers");
        await SweepAsync("wait-offers");
        var first = Assert.Single(await OffersAsync());
        var hold = await _lab.As(first.Token).GetBookingAsync(new GetBookingRequest { Name = first.Wait.Offer }, cancellationToken: Cancel);
        Assert.Equal((BookingState.Held, _lab.Window(30, 2), first.Holder), (hold.State, hold.Window, hold.Holder));
        Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(30, 2))).Reason);
        // A tenth of the lead time of 30 h, and no minute more.
        Assert.InRange((hold.ExpireTime.ToDateTimeOffset() - _time.GetUtcNow()).TotalHours, 2.5, 3.1);
        _time.Forward(TimeSpan.FromHours(3.2));
        await SweepAsync("hold-expiry");
        await SweepAsync("wait-offers");
        var second = Assert.Single(await OffersAsync());
        Assert.NotEqual(first.Holder, second.Holder);
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM waits WHERE state = 4"));
        var firm = await _lab.As(second.Token).ConfirmBookingAsync(new ConfirmBookingRequest { Name = second.Wait.Offer }, cancellationToken: Cancel);
        Assert.Equal((BookingState.Confirmed, second.Holder), (firm.State, firm.Holder));
        await SweepAsync("wait-offers");
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM waits WHERE state = 3"));
    }

    [Fact]
    public async Task Whoever_has_used_least_of_their_share_comes_first_and_is_told_how_many_come_before()
    {
        // The school's teacher has used hours, the company's engineer none.
        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(1, 6, TestSeed.CyclerChannel(1)));
        var made = await _lab.BookAsync(40, 2);
        _time.Forward(TimeSpan.FromHours(12));
        _lab.Lab.Services.GetRequiredService<FairShare>().Forget();
        await JoinAsync(TestSeed.Teacher, 40, 2);
        await JoinAsync(TestSeed.IndustryEngineer, 40, 2);
        Assert.Equal((1, 0), (await AheadAsync(TestSeed.Teacher), await AheadAsync(TestSeed.IndustryEngineer)));
        await _lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = made.Name }, cancellationToken: Cancel);
        await SweepAsync("wait-offers");
        Assert.Equal("persons/engineer", Assert.Single(await OffersAsync()).Holder);
    }

    [Fact]
    public async Task A_wait_whose_time_is_over_ends_and_leaves_a_demand_signal()
    {
        await _lab.BookAsync(10, 2);
        var wait = await JoinAsync(TestSeed.Teacher, 10, 2);
        _time.Forward(TimeSpan.FromHours(14));
        await SweepAsync("wait-offers");
        await SweepAsync("wait-offers");
        var ended = (await Client(TestSeed.Teacher).ListWaitsAsync(new ListWaitsRequest { IncludeEnded = true }, cancellationToken: Cancel)).Waits.Single(w => w.Name == wait.Name);
        Assert.Equal(WaitState.Unserved, ended.State);
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM demand_signals WHERE kind = 'wait-unserved'"));
    }

    [Fact]
    public async Task Scenario_18_and_Scenario_45_an_outage_over_bookings_is_refused_or_displaces_them_and_their_holders_are_offered_as_much_elsewhere()
    {
        var (made, running) = (await _lab.BookAsync(30, 2, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2)), await _lab.CreateAsync(TestSeed.CourseOwner, _lab.Wish(30, 2, TestSeed.CyclerChannel(3))));
        await _lab.ExecuteAsync("UPDATE bookings SET state = 4 WHERE name = @n", ("n", running.Name));
        Assert.Equal(3, (await BookingLab.ViolationsAsync(() => OutageAsync(29, 4, TestSeed.CyclerRig, displace: false))).Count);
        // What runs is not displaced, and then nothing is.
        Assert.Equal(TestSeed.CyclerChannel(3), Assert.Single(await BookingLab.ViolationsAsync(() => OutageAsync(29, 4, TestSeed.CyclerRig, displace: true))).Resource);
        Assert.Equal(BookingState.Confirmed, (await GetAsync(made.Name)).State);
        await _lab.ExecuteAsync("UPDATE bookings SET state = 3 WHERE name = @n", ("n", running.Name));
        await OutageAsync(29, 4, TestSeed.CyclerRig, displace: true);
        var gone = await GetAsync(made.Name);
        Assert.Equal((BookingState.Cancelled, "displaced: calibration", false), (gone.State, gone.StateReason, gone.LateCancel));
        Assert.Equal(2, await _lab.CountAsync("SELECT count(*) FROM audit WHERE action = 'displace-booking'"));
        await SweepAsync("wait-offers");
        var offers = await OffersAsync();
        Assert.Equal(["persons/course-owner", "persons/doctoral"], offers.Select(o => o.Holder).Order());
        foreach (var offer in offers)
        {
            var hold = await _lab.As(offer.Token).ConfirmBookingAsync(new ConfirmBookingRequest { Name = offer.Wait.Offer }, cancellationToken: Cancel);
            Assert.Equal(TimeSpan.FromHours(2), hold.Window.End.ToDateTimeOffset() - hold.Window.Start.ToDateTimeOffset());
            Assert.True(offer.Wait.Displaced);
        }
        Assert.Equal(0, await _lab.OverlapsAsync());
    }

    private WaitService.WaitServiceClient Client(string token) => new(_lab.Lab.As(token));

    private async Task<Wait> JoinAsync(string token, double hour, int hours, int headcount = 1)
    {
        var booking = _lab.Wish(hour, hours);
        (booking.Window, booking.Headcount) = (null, headcount);
        booking.Channels.Clear();
        var search = new SearchAvailabilityRequest { LengthMinutes = hours * 60, Place = TestSeed.EbcRig, Within = _lab.Window(hour, 0.25), ActivityClass = "research" };
        return await Client(token).JoinWaitListAsync(new JoinWaitListRequest { Search = search, Booking = booking, RequestId = Guid.NewGuid().ToString() }, cancellationToken: Cancel);
    }

    private async Task<Wait> LeaveAsync(string token, string name) => await Client(token).LeaveWaitListAsync(new LeaveWaitListRequest { Name = name }, cancellationToken: Cancel);

    private async Task<int> AheadAsync(string token) => (await Client(token).ListWaitsAsync(new ListWaitsRequest(), cancellationToken: Cancel)).Waits.Single().Ahead;

    private async Task<List<(string Token, string Holder, Wait Wait)>> OffersAsync()
    {
        var offers = new List<(string, string, Wait)>();
        foreach (var (token, holder) in new[] { (TestSeed.Teacher, "persons/teacher"), (TestSeed.IndustryEngineer, "persons/engineer"), (TestSeed.DoctoralStudent, "persons/doctoral"), (TestSeed.CourseOwner, "persons/course-owner") })
            offers.AddRange((await Client(token).ListWaitsAsync(new ListWaitsRequest(), cancellationToken: Cancel)).Waits.Where(w => w.State == WaitState.Offered).Select(w => (token, holder, w)));
        return offers;
    }

    private async Task<Booking> GetAsync(string name) => await _lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = name }, cancellationToken: Cancel);

    private async Task<Outage> OutageAsync(double hour, double hours, string resource, bool displace) => await _lab.As(TestSeed.LabManager).CreateOutageAsync(new CreateOutageRequest
    {
        Outage = new Outage { Resources = { resource }, Window = _lab.Window(hour, hours), Why = "calibration" },
        Displace = displace,
    }, cancellationToken: Cancel);

    private Task SweepAsync(string name) => _lab.Lab.Services.GetServices<ISweep>().Single(s => s.Name == name).RunAsync(Cancel);
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteWaitTests() : WaitContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresWaitTests() : WaitContract("postgres");
