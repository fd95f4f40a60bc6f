using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>Series over gRPC, on both stores; scenario numbers are those of the booking study, §4.</summary>
public abstract class SeriesContract(BookingLabFixture fixture)
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private static readonly LocalDateTimePattern Wall = LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm");
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private LocalDate Day0 => _lab.Hour0.InZone(Oslo).Date.PlusDays(1);

    [Fact]
    public async Task Scenario_36_a_series_that_meets_a_booking_is_refused_whole_or_skips_that_one()
    {
        await TakeAsync(Day0.PlusDays(1), "rigs/cycler-1/channels/1");
        var all = await SeriesAsync("FREQ=DAILY;COUNT=4", OnConflict.RefuseAll);
        Assert.Equal((0, 1, ""), (all.Booked, all.Refused, all.Name));
        Assert.All(all.Items, i => Assert.Equal("", i.Booking));
        Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(all.Items[1].Violations).Reason);
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM bookings WHERE start_us >= @s AND start_us < @e AND holder = 'persons/course-owner'", ("s", Us(Day0)), ("e", Us(Day0.PlusDays(4)))));

        var three = await SeriesAsync("FREQ=DAILY;COUNT=4", OnConflict.SkipRefused);
        Assert.Equal((3, 1), (three.Booked, three.Refused));
        var booked = await _lab.As(TestSeed.CourseOwner).GetBookingAsync(new GetBookingRequest { Name = three.Items[3].Booking }, cancellationToken: Cancel);
        Assert.Equal((three.Name, BookingState.Confirmed, three.Items[3].Window), (booked.Series, booked.State, booked.Window));

        var none = await SeriesAsync("FREQ=DAILY;COUNT=4", OnConflict.SkipRefused);
        Assert.Equal((0, 4), (none.Booked, none.Refused));
        Assert.Equal(0, await _lab.OverlapsAsync());
    }

    [Fact]
    public async Task Scenario_36_an_exception_is_another_way_to_leave_the_taken_day_out()
    {
        await TakeAsync(Day0.PlusDays(1), "rigs/cycler-1/channels/2");
        var made = await SeriesAsync($"FREQ=DAILY;COUNT=4\nEXDATE;VALUE=DATE:{Day0.PlusDays(1):uuuuMMdd}", OnConflict.RefuseAll, channel: "rigs/cycler-1/channels/2");
        Assert.Equal((3, 0), (made.Booked, made.Refused));
    }

    [Fact]
    public async Task Scenario_56_a_series_replayed_after_a_lost_reply_is_the_first_one()
    {
        var id = Guid.NewGuid().ToString();
        var answers = new List<CreateSeriesResponse>();
        for (var i = 0; i < 3; i++) answers.Add(await SeriesAsync("FREQ=DAILY;COUNT=3", OnConflict.RefuseAll, id, "rigs/cycler-1/channels/3"));
        Assert.Equal(3, answers[0].Booked);
        Assert.All(answers, a => Assert.Equal(answers[0], a));
        await BookingLab.RefusedAsync(Reason.RequestIdReused, () => SeriesAsync("FREQ=DAILY;COUNT=2", OnConflict.RefuseAll, id, "rigs/cycler-1/channels/3"));
    }

    [Fact]
    public async Task Asking_whether_a_series_would_be_accepted_keeps_nothing()
    {
        var request = Request("FREQ=DAILY;COUNT=3", "rigs/cycler-1/channels/4");
        request.ValidateOnly = true;
        var asked = await _lab.As(TestSeed.CourseOwner).CreateSeriesAsync(request, cancellationToken: Cancel);
        Assert.Equal((3, 0, ""), (asked.Booked, asked.Refused, asked.Name));
        request.ValidateOnly = false;
        Assert.Equal(3, (await _lab.As(TestSeed.CourseOwner).CreateSeriesAsync(request, cancellationToken: Cancel)).Booked);
    }

    [Fact]
    public async Task Scenario_57_an_instance_whose_wall_time_does_not_exist_or_occurs_twice_is_told_and_not_guessed()
    {
        // The next change of clocks after the days of this test, within the horizon.
        var change = Oslo.GetZoneInterval(_lab.Hour0 + Duration.FromDays(2)).End;
        var gap = Oslo.GetZoneInterval(change).WallOffset > Oslo.GetZoneInterval(change - Duration.FromHours(1)).WallOffset;
        var request = Request("FREQ=DAILY;COUNT=3", TestSeed.EbcChannel);
        request.FirstStart = Wall.Format(change.InZone(Oslo).Date.PlusDays(-1) + new LocalTime(2, 30));
        request.OnConflict = OnConflict.SkipRefused;
        var made = await _lab.As(TestSeed.CourseOwner).CreateSeriesAsync(request, cancellationToken: Cancel);
        Assert.Equal((2, 1), (made.Booked, made.Refused));
        Assert.Equal(gap ? "WALL_TIME_SKIPPED" : "WALL_TIME_TWICE", Assert.Single(made.Items[1].Violations).Reason);
        Assert.Null(made.Items[1].Window);
    }

    [Fact]
    public async Task Scenario_57_a_series_none_of_whose_instances_has_a_time_is_told_so_item_by_item()
    {
        var change = Oslo.GetZoneInterval(_lab.Hour0 + Duration.FromDays(2)).End;
        var gap = Oslo.GetZoneInterval(change).WallOffset > Oslo.GetZoneInterval(change - Duration.FromHours(1)).WallOffset;
        var request = Request("FREQ=DAILY;COUNT=1", TestSeed.EbcChannel);
        request.FirstStart = Wall.Format(change.InZone(Oslo).Date + new LocalTime(2, 30));
        var told = await _lab.As(TestSeed.CourseOwner).CreateSeriesAsync(request, cancellationToken: Cancel);
        Assert.Equal((0, 1, ""), (told.Booked, told.Refused, told.Name));
        Assert.Equal(gap ? "WALL_TIME_SKIPPED" : "WALL_TIME_TWICE", Assert.Single(Assert.Single(told.Items).Violations).Reason);
    }

    [Fact]
    public async Task Malformed_fields_are_told_all_at_once()
    {
        var request = Request("FREQ=HOURLY;COUNT=3", "rigs/nowhere/channels/1");
        request.FirstStart = "tomorrow";
        request.Booking.Window = _lab.Window(0, 1);
        var error = await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.As(TestSeed.CourseOwner).CreateSeriesAsync(request, cancellationToken: Cancel).ResponseAsync);
        var fields = Grpc.Core.RpcExceptionExtensions.GetRpcStatus(error)!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => v.Field);
        Assert.Equal(["booking.window", "first_start", "booking.channels", "rrule"], fields);
    }

    [Fact]
    public async Task A_series_is_read_and_cancelled_whole_or_from_one_instance_on_and_only_by_whom_it_belongs_to()
    {
        var client = _lab.As(TestSeed.CourseOwner);
        var made = await SeriesAsync("FREQ=DAILY;COUNT=5", OnConflict.RefuseAll, channel: "rigs/cycler-1/channels/3");
        var all = await client.GetSeriesAsync(new GetSeriesRequest { Name = made.Name }, cancellationToken: Cancel);
        Assert.Equal(made.Items.Select(i => i.Booking), all.Bookings.Select(b => b.Name));
        await BookingLab.RefusedAsync(Reason.NotAllowed, async () => await _lab.As(TestSeed.DoctoralStudent).CancelSeriesAsync(new CancelSeriesRequest { Name = made.Name }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await _lab.As(TestSeed.LabManager).CancelSeriesAsync(new CancelSeriesRequest { Name = made.Name }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await client.CancelSeriesAsync(new CancelSeriesRequest { Name = made.Name, From = "bookings/none" }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await client.CancelSeriesAsync(new CancelSeriesRequest { Name = "series/none" }, cancellationToken: Cancel));
        // An instance that was moved stays in its series.
        var moved = await client.ChangeBookingAsync(new ChangeBookingRequest { Name = made.Items[4].Booking, Booking = new Booking { Title = "moved" }, UpdateMask = new() { Paths = { "title" } } }, cancellationToken: Cancel);
        var request = new CancelSeriesRequest { Name = made.Name, From = made.Items[2].Booking, RequestId = Guid.NewGuid().ToString() };
        var cancelled = await client.CancelSeriesAsync(request, cancellationToken: Cancel);
        Assert.Equal([made.Items[2].Booking, made.Items[3].Booking, moved.Name], cancelled.Bookings.Select(b => b.Name));
        Assert.Equal(cancelled, await client.CancelSeriesAsync(request, cancellationToken: Cancel));
        Assert.Equal(2, (await client.GetSeriesAsync(new GetSeriesRequest { Name = made.Name }, cancellationToken: Cancel)).Bookings.Count);
        Assert.Equal(2, (await client.CancelSeriesAsync(new CancelSeriesRequest { Name = made.Name }, cancellationToken: Cancel)).Bookings.Count);
    }

    private Task<Booking> TakeAsync(LocalDate day, string channel)
    {
        var wish = _lab.Wish(0, 1, channel);
        var start = (day + new LocalTime(10, 0)).InZoneStrictly(Oslo).ToInstant();
        wish.Window = new TimeWindow { Start = BattKomp.Lab.Server.Features.Bookings.BookingTimes.Stamp(start), End = BattKomp.Lab.Server.Features.Bookings.BookingTimes.Stamp(start + Duration.FromHours(1)) };
        return _lab.CreateAsync(TestSeed.DoctoralStudent, wish);
    }

    private async Task<CreateSeriesResponse> SeriesAsync(string rule, OnConflict onConflict, string requestId = "", string channel = "rigs/cycler-1/channels/1")
    {
        var request = Request(rule, channel);
        (request.OnConflict, request.RequestId) = (onConflict, requestId);
        return await _lab.As(TestSeed.CourseOwner).CreateSeriesAsync(request, cancellationToken: Cancel);
    }

    private CreateSeriesRequest Request(string rule, string channel)
    {
        var wish = _lab.Wish(0, 1, channel);
        wish.Window = null;
        return new CreateSeriesRequest { Booking = wish, FirstStart = Wall.Format(Day0 + new LocalTime(10, 15)), WallMinutes = 60, Rrule = rule };
    }

    private static long Us(LocalDate day) => BattKomp.Lab.Server.Platform.Micros.FromInstant(day.AtStartOfDayInZone(Oslo).ToInstant());
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteSeriesTests(SqliteLab lab) : SeriesContract(lab), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresSeriesTests(PostgresLab lab) : SeriesContract(lab), IClassFixture<PostgresLab>;
