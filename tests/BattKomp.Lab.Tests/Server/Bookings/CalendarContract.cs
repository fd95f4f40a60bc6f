using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>What the calendar promises of bookings and outages, the same on either database.</summary>
public abstract class CalendarContract(BookingLabFixture fixture)
{
    private const double Minute = 1 / 60.0;
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_booking_can_be_made_read_listed_and_cancelled()
    {
        var made = await _lab.BookAsync(2, 2);
        Assert.Equal(BookingState.Confirmed, made.State);
        Assert.Equal("persons/doctoral", made.Holder);
        Assert.Equal("affiliations/doctoral", made.Affiliation);
        Assert.Equal(["cell-making"], made.Stages);
        Assert.Equal(made, await _lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = made.Name }, cancellationToken: Cancel));
        var listed = await _lab.As(TestSeed.DoctoralStudent).ListBookingsAsync(new ListBookingsRequest { Window = _lab.Window(3, 1) }, cancellationToken: Cancel);
        Assert.Equal([made], listed.Bookings);
        var cancelled = await CancelAsync(TestSeed.DoctoralStudent, made.Name, "changed plans", made.Etag);
        Assert.Equal((BookingState.Cancelled, "changed plans"), (cancelled.State, cancelled.StateReason));
        Assert.NotEqual(made.Etag, cancelled.Etag);
        await _lab.BookAsync(2, 2);
    }

    [Fact]
    public async Task A_taken_channel_is_refused_with_the_blocking_window_and_the_nearest_free_one()
    {
        await _lab.BookAsync(2, 2);
        var violation = Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(3, 2)));
        Assert.Equal(("CHANNEL_OCCUPIED", TestSeed.EbcChannel), (violation.Reason, violation.Resource));
        Assert.Equal([_lab.Window(2, 2)], violation.Blocking);
        Assert.Equal(_lab.Window(4, 2), violation.Nearest);
        await _lab.BookAsync(4, 2);
    }

    [Fact]
    public async Task Scenario_03_an_outage_blocks_what_overlaps_it_and_not_what_touches_it()
    {
        await OutageAsync(10, 1, TestSeed.EbcRig);
        foreach (var (hour, hours) in new[] { (10.0, 1.0), (9, 1 + Minute), (11 - Minute, 1 + Minute) })
        {
            var violation = Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(hour, hours)));
            Assert.Equal("CHANNEL_OUTAGE", violation.Reason);
            Assert.Equal([_lab.Window(10, 1)], violation.Blocking);
        }
        await _lab.BookAsync(9, 1);
        await _lab.BookAsync(11, 1);
    }

    [Fact]
    public async Task An_outage_over_a_booking_is_refused_whole_and_a_manager_is_needed()
    {
        await _lab.BookAsync(10, 1, TestSeed.CyclerChannel(2));
        foreach (var (hour, hours) in new[] { (10.0, 1.0), (9, 1 + Minute), (11 - Minute, 1) })
            Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => OutageAsync(hour, hours, TestSeed.CyclerRig))).Reason);
        await _lab.BookAsync(9, 1, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => OutageAsync(20, 1, TestSeed.CyclerRig, TestSeed.Teacher));
    }

    [Fact]
    public async Task Scenario_55_a_bundle_with_one_taken_channel_holds_nothing()
    {
        await _lab.BookAsync(5, 1, TestSeed.CyclerChannel(3));
        var bundle = new[] { TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2), TestSeed.CyclerChannel(3), TestSeed.EbcChannel };
        Assert.Equal(TestSeed.CyclerChannel(3), Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(5, 1, bundle))).Resource);
        Assert.Equal(1, await _lab.CountAsync(OccupyingIn, ("s", _lab.Micros(5)), ("e", _lab.Micros(6))));
        await _lab.BookAsync(5, 1, bundle[0], bundle[1], bundle[3]);
    }

    [Fact]
    public async Task Cancelling_is_for_the_holder_and_for_staff_with_a_reason()
    {
        var made = await _lab.BookAsync(1, 1);
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => CancelAsync(TestSeed.Teacher, made.Name, "mine now"));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => CancelAsync(TestSeed.LabManager, made.Name, ""));
        await BookingLab.RefusedAsync(Reason.EtagStale, () => CancelAsync(TestSeed.DoctoralStudent, made.Name, "", "\"77\""));
        await CancelAsync(TestSeed.LabManager, made.Name, "rig moved");
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM audit WHERE resource = @n AND action = 'cancel-booking' AND reason = 'rig moved'", ("n", made.Name)));
        var again = await BookingLab.RefusedAsync(Reason.WrongState, () => CancelAsync(TestSeed.DoctoralStudent, made.Name, ""));
        Assert.Contains("CANCELLED", again.Status.Detail);
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => CancelAsync(TestSeed.DoctoralStudent, "bookings/nothing", ""));
    }

    [Fact]
    public async Task A_running_booking_is_stopped_and_not_cancelled_and_frees_its_time_when_completed()
    {
        var made = await _lab.BookAsync(1, 3);
        var calendar = _lab.Lab.Services.GetRequiredService<BookingCalendar>();
        Assert.Contains(await calendar.DueForLeaseAsync(_lab.Hour0 + NodaTime.Duration.FromHours(1), Cancel), b => b.Name == made.Name);
        Assert.DoesNotContain(await calendar.DueForLeaseAsync(_lab.Hour0 + NodaTime.Duration.FromHours(4), Cancel), b => b.Name == made.Name);
        await StepAsync((c, tx) => c.MarkRunningAsync(tx, made.Name, Cancel));
        await StepAsync((c, tx) => c.MarkRunningAsync(tx, made.Name, Cancel));
        Assert.Contains("Stop its run", (await BookingLab.RefusedAsync(Reason.WrongState, () => CancelAsync(TestSeed.DoctoralStudent, made.Name, ""))).Status.Detail);
        Assert.Contains(await calendar.EndedAsync(_lab.Hour0 + NodaTime.Duration.FromHours(4), Cancel), b => b.Name == made.Name);
        var completed = await StepAsync((c, tx) => c.MarkCompletedAsync(tx, made.Name, Cancel));
        Assert.Equal(BattKomp.Lab.Domain.Bookings.BookingState.Completed, completed.State);
        await _lab.BookAsync(1, 3);
    }

    [Fact]
    public async Task A_booking_nobody_came_to_frees_its_time_and_keeps_its_row()
    {
        var made = await _lab.BookAsync(1, 3);
        var missed = await StepAsync((c, tx) => c.MarkNoShowAsync(tx, made.Name, "nobody came", Cancel));
        Assert.Equal((BattKomp.Lab.Domain.Bookings.BookingState.NoShow, "nobody came"), (missed.State, missed.Message.StateReason));
        await _lab.BookAsync(1, 3);
        await BookingLab.RefusedAsync(Reason.WrongState, () => CancelAsync(TestSeed.DoctoralStudent, made.Name, ""));
        Assert.Equal(BookingState.NoShow, (await _lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = made.Name }, cancellationToken: Cancel)).State);
    }

    [Fact]
    public async Task A_manager_may_put_on_record_what_began_before_now_with_a_reason_that_is_audited()
    {
        var past = _lab.Wish(0, 1);
        past.Window.Start = BookingTimes.Stamp(NodaTime.Instant.FromDateTimeOffset(TimeProvider.System.GetUtcNow()) - NodaTime.Duration.FromHours(1));
        Assert.Equal("STARTS_IN_PAST", (await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.LabManager, past)))[0].Reason);
        past.StateReason = "began by hand";
        past.Window.End = BookingTimes.Stamp(BookingTimes.Instant(past.Window.Start) + NodaTime.Duration.FromHours(2));
        Assert.Equal("STARTS_IN_PAST", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.DoctoralStudent, past))).Reason);
        var made = await _lab.CreateAsync(TestSeed.LabManager, past);
        Assert.Equal("began by hand", made.StateReason);
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM audit WHERE resource = @n AND action = 'override-booking-rules' AND detail = 'STARTS_IN_PAST'", ("n", made.Name)));
        Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.LabManager, past))).Reason);
        await CancelAsync(TestSeed.LabManager, made.Name, "done");
    }

    private const string OccupyingIn = "SELECT count(*) FROM occupancy o JOIN bookings b ON b.name = o.booking WHERE o.occupies = 1 AND b.start_us < @e AND b.end_us > @s";

    private Task<StoredBooking> StepAsync(Func<BookingCalendar, BattKomp.Lab.Server.Platform.Database.CalendarTransaction, Task<StoredBooking>> step)
    {
        var services = _lab.Lab.Services;
        return services.GetRequiredService<BattKomp.Lab.Server.Platform.Database.CalendarDatabase>().WriteAsync(tx => step(services.GetRequiredService<BookingCalendar>(), tx), Cancel);
    }

    private async Task<Booking> CancelAsync(string token, string name, string reason, string etag = "") =>
        await _lab.As(token).CancelBookingAsync(new CancelBookingRequest { Name = name, Reason = reason, Etag = etag }, cancellationToken: Cancel);

    private async Task<Outage> OutageAsync(double hour, double hours, string resource, string token = TestSeed.LabManager) =>
        await _lab.As(token).CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { resource }, Window = _lab.Window(hour, hours), Why = "calibration" } }, cancellationToken: Cancel);
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteCalendarTests(SqliteLab lab) : CalendarContract(lab), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresCalendarTests(PostgresLab lab) : CalendarContract(lab), IClassFixture<PostgresLab>;
