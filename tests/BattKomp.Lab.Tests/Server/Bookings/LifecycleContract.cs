using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>What becomes of a booking between the wish and its end, the same on either database.</summary>
public abstract class LifecycleContract(string dialect) : IAsyncLifetime
{
    private const double Minute = 1 / 60.0;
    private readonly ShiftedTime _time = new();
    private BookingLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = await BookingLab.StartAsync(dialect, o =>
    {
        File.WriteAllText(o.SeedFile, TestSeed.JsonWithGuardedRig);
        o.Bookings.CheckInLeadMinutes = 5;
        o.Bookings.HoldsPerPerson = 2;
    }, time: _time);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task A_hold_takes_the_time_until_it_is_confirmed_or_runs_out()
    {
        var hold = await HoldAsync(10, 1);
        Assert.Equal((BookingState.Held, true), (hold.State, hold.ExpireTime is not null));
        Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(10, 1)))).Reason);
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM booking_usage WHERE booking = @n", ("n", hold.Name)));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ConfirmAsync(TestSeed.Teacher, hold.Name));
        var firm = await ConfirmAsync(TestSeed.DoctoralStudent, hold.Name, "once");
        Assert.Equal((BookingState.Confirmed, null), (firm.State, firm.ExpireTime));
        Assert.Equal(firm, await ConfirmAsync(TestSeed.DoctoralStudent, hold.Name, "once"));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM booking_usage WHERE booking = @n", ("n", hold.Name)));
        await BookingLab.RefusedAsync(Reason.WrongState, () => ConfirmAsync(TestSeed.DoctoralStudent, hold.Name));
    }

    [Fact]
    public async Task A_hold_that_nobody_confirmed_frees_its_time_and_leaves_a_demand_signal()
    {
        var hold = await HoldAsync(10, 1, minutes: 30);
        _time.Forward(TimeSpan.FromMinutes(31));
        // Over is over, whether or not the sweep has come by.
        var late = await BookingLab.RefusedAsync(Reason.WrongState, () => ConfirmAsync(TestSeed.DoctoralStudent, hold.Name));
        Assert.Contains("EXPIRED", late.Status.Detail);
        await SweepAsync("hold-expiry");
        await SweepAsync("hold-expiry");
        Assert.Equal(BookingState.Expired, (await GetAsync(hold.Name)).State);
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM demand_signals WHERE kind = 'hold-expired'"));
        await _lab.BookAsync(10, 1);
    }

    [Fact]
    public async Task A_person_holds_only_so_many_at_a_time_also_when_they_ask_at_once()
    {
        var asked = await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            try
            {
                return await HoldAsync(10 + i, 1) is not null;
            }
            catch (Grpc.Core.RpcException)
            {
                return false;
            }
        }));
        Assert.Equal(2, asked.Count(made => made));
        Assert.Equal("TOO_MANY_HOLDS", Assert.Single(await BookingLab.ViolationsAsync(() => HoldAsync(30, 1))).Reason);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => HoldAsync(30, 1, minutes: 61));
    }

    [Fact]
    public async Task Scenario_12_a_resize_leaves_one_live_row_linked_to_the_old_one_and_a_refused_one_changes_nothing()
    {
        var made = await _lab.BookAsync(10, 1);
        await OutageAsync(12, 1, TestSeed.EbcRig);
        Assert.NotEmpty((await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ResizeAsync(made, 10, 0))).Status.Detail);
        var violation = Assert.Single(await BookingLab.ViolationsAsync(() => ResizeAsync(made, 10, 2 + Minute)));
        Assert.Equal("CHANNEL_OUTAGE", violation.Reason);
        Assert.Equal(made, await GetAsync(made.Name));
        var shorter = await ResizeAsync(made, 10, 50 * Minute);
        Assert.Equal((made.Name, BookingState.Confirmed, _lab.Window(10, 50 * Minute)), (shorter.Predecessor, shorter.State, shorter.Window));
        var old = await GetAsync(made.Name);
        Assert.Equal((BookingState.Cancelled, shorter.Name), (old.State, old.Successor));
        Assert.Equal("persons/doctoral", await _lab.ScalarAsync("SELECT person FROM booking_steps WHERE booking = @n", ("n", made.Name)));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM occupancy WHERE occupies = 1 AND kind = 1"));
    }

    [Fact]
    public async Task A_booking_never_stands_in_its_own_way_and_a_refused_move_names_the_nearest_time()
    {
        var made = await _lab.BookAsync(10, 2);
        var moved = await ResizeAsync(made, 11, 2);
        Assert.Equal(_lab.Window(11, 2), moved.Window);
        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(14, 1));
        var violation = Assert.Single(await BookingLab.ViolationsAsync(() => ResizeAsync(moved, 12.5, 2)));
        // Its own hours count as free: 12 to 14 touches the teacher's.
        Assert.Equal(("CHANNEL_OCCUPIED", _lab.Window(12, 2)), (violation.Reason, violation.Nearest));
        Assert.Equal([_lab.Window(14, 1)], violation.Blocking);
        Assert.Equal(moved, await GetAsync(moved.Name));
    }

    [Fact]
    public async Task A_change_is_checked_for_form_etag_and_person_and_replays_its_first_answer()
    {
        var made = await _lab.BookAsync(10, 1);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ChangeAsync(TestSeed.DoctoralStudent, made.Name, new Booking(), []));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ChangeAsync(TestSeed.DoctoralStudent, made.Name, new Booking { Holder = "persons/x" }, ["holder"]));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ChangeAsync(TestSeed.Teacher, made.Name, new Booking { Title = "mine" }, ["title"]));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ChangeAsync(TestSeed.LabManager, made.Name, new Booking { Title = "ours" }, ["title"]));
        await BookingLab.RefusedAsync(Reason.EtagStale, () => ChangeAsync(TestSeed.DoctoralStudent, made.Name, new Booking { Title = "b" }, ["title"], etag: "\"9\""));
        var request = new ChangeBookingRequest { Name = made.Name, Booking = new Booking { Title = "b", Window = _lab.Window(12, 1) }, UpdateMask = Mask("title", "window"), RequestId = "change-1" };
        var dry = request.Clone();
        (dry.ValidateOnly, dry.RequestId) = (true, "");
        Assert.Equal(("", "b"), ((await ClientOf(TestSeed.DoctoralStudent).ChangeBookingAsync(dry, cancellationToken: Cancel)) is { } would ? (would.Name, would.Title) : default));
        Assert.Equal(BookingState.Confirmed, (await GetAsync(made.Name)).State);
        var changed = await ClientOf(TestSeed.DoctoralStudent).ChangeBookingAsync(request, cancellationToken: Cancel);
        Assert.Equal(changed, await ClientOf(TestSeed.DoctoralStudent).ChangeBookingAsync(request, cancellationToken: Cancel));
        Assert.Equal(("b", "persons/doctoral", "affiliations/doctoral"), (changed.Title, changed.Holder, changed.Affiliation));
        await BookingLab.RefusedAsync(Reason.WrongState, () => ChangeAsync(TestSeed.DoctoralStudent, made.Name, new Booking { Title = "c" }, ["title"]));
    }

    [Fact]
    public async Task Scenario_13_what_is_cancelled_unknown_or_malformed_is_not_moved()
    {
        var made = await _lab.BookAsync(10, 1);
        await CancelAsync(TestSeed.DoctoralStudent, made.Name);
        await BookingLab.RefusedAsync(Reason.WrongState, () => ResizeAsync(made, 11, 1));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => ChangeAsync(TestSeed.DoctoralStudent, "bookings/nothing", new Booking { Title = "x" }, ["title"]));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ChangeAsync(TestSeed.DoctoralStudent, (_lab.BookAsync(12, 1).GetAwaiter().GetResult()).Name, new Booking(), ["window"]));
    }

    [Fact]
    public async Task Scenario_14_a_running_booking_is_extended_and_not_moved_into_the_past()
    {
        var made = await _lab.BookAsync(2, 2);
        _time.Forward(TimeSpan.FromHours(3));
        await RunAsync(made.Name);
        await BookingLab.RefusedAsync(Reason.WrongState, () => ResizeAsync(made, 1, 3));
        await BookingLab.RefusedAsync(Reason.WrongState, () => ChangeAsync(TestSeed.DoctoralStudent, made.Name, new Booking { Channels = { TestSeed.CyclerChannel(1) } }, ["channels"]));
        var longer = await ResizeAsync(made, 2, 4);
        Assert.Equal((BookingState.Running, _lab.Window(2, 4), true), (longer.State, longer.Window, longer.CheckInTime is not null));
        Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(5, 1)))).Reason);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ResizeAsync(longer, 2, 0.5));
    }

    [Fact]
    public async Task A_lease_that_is_out_goes_on_under_the_successor_with_its_new_end()
    {
        var made = await _lab.BookAsync(2, 2);
        _time.Forward(TimeSpan.FromHours(2.5));
        await SweepAsync("lease-issue");
        var lease = (string)(await _lab.ScalarAsync("SELECT name FROM leases WHERE booking = @n", ("n", made.Name)))!;
        await RunAsync(made.Name);
        var longer = await ResizeAsync(made, 2, 5);
        await SweepAsync("lease-end");
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM leases WHERE name = @l AND booking = @n AND end_us = @e AND ended_us IS NULL", ("l", lease), ("n", longer.Name), ("e", _lab.Micros(7))));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM runs WHERE lease = @l AND booking = @n", ("l", lease), ("n", longer.Name)));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM orders WHERE lease = @l AND kind = 'Lease' AND answered_us IS NULL", ("l", lease)));
    }

    [Fact]
    public async Task Scenario_15_cancelling_is_for_the_holder_in_time_and_for_staff_with_a_reason_and_never_of_a_no_show()
    {
        var (made, missed) = (await _lab.BookAsync(2, 1), await _lab.BookAsync(4, 1));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => CancelAsync(TestSeed.Teacher, made.Name, "mine"));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => CancelAsync(TestSeed.LabManager, made.Name));
        await _lab.ExecuteAsync("UPDATE bookings SET state = 8 WHERE name = @n", ("n", missed.Name));
        await BookingLab.RefusedAsync(Reason.WrongState, () => CancelAsync(TestSeed.DoctoralStudent, missed.Name));
        await BookingLab.RefusedAsync(Reason.WrongState, () => CancelAsync(TestSeed.LabManager, missed.Name, "tidy"));
    }

    [Fact]
    public async Task Scenario_16_a_late_cancel_is_marked_unless_the_rig_was_locked_or_staff_did_it()
    {
        var (early, late, staff, locked) = (await _lab.BookAsync(30, 1), await _lab.BookAsync(3, 1), await _lab.BookAsync(5, 1), await _lab.BookAsync(3, 1, TestSeed.CyclerChannel(1)));
        Assert.False((await CancelAsync(TestSeed.DoctoralStudent, early.Name)).LateCancel);
        Assert.True((await CancelAsync(TestSeed.DoctoralStudent, late.Name)).LateCancel);
        Assert.False((await CancelAsync(TestSeed.LabManager, staff.Name, "rig moved")).LateCancel);
        await _lab.ExecuteAsync("UPDATE rigs SET locked_us = 1 WHERE name = @n", ("n", TestSeed.CyclerRig));
        Assert.False((await CancelAsync(TestSeed.DoctoralStudent, locked.Name)).LateCancel);
    }

    [Fact]
    public async Task Scenario_17_moving_later_at_the_last_moment_is_a_late_cancel_and_moving_earlier_is_not()
    {
        var (later, earlier) = (await _lab.BookAsync(3, 1), await _lab.BookAsync(6, 1));
        await ResizeAsync(later, 30, 1);
        await ResizeAsync(earlier, 5, 1);
        Assert.Equal((true, false), ((await GetAsync(later.Name)).LateCancel, (await GetAsync(earlier.Name)).LateCancel));
    }

    [Fact]
    public async Task Scenario_44_check_in_opens_before_the_start_and_closes_when_the_time_is_given_away()
    {
        var (made, missed) = (await _lab.BookAsync(2, 3), await _lab.BookAsync(2, 3, TestSeed.CyclerChannel(1)));
        Until(2, -6);
        await BookingLab.RefusedAsync(Reason.WrongState, () => CheckInAsync(made.Name));
        Until(2, -4);
        Assert.NotNull((await CheckInAsync(made.Name)).CheckInTime);
        Until(2, 61);
        Assert.Contains("given away", (await BookingLab.RefusedAsync(Reason.WrongState, () => CheckInAsync(missed.Name))).Status.Detail);
        await _lab.ExecuteAsync("UPDATE agents SET last_seen_us = @t", ("t", _lab.Micros(4)));
        await SweepAsync("lease-issue");
        await SweepAsync("no-show");
        Assert.Equal((BookingState.Confirmed, BookingState.NoShow), ((await GetAsync(made.Name)).State, (await GetAsync(missed.Name)).State));
        Until(5, 1);
        await SweepAsync("no-show");
        await BookingLab.RefusedAsync(Reason.WrongState, () => CheckInAsync(missed.Name));
    }

    [Fact]
    public async Task No_shows_wait_for_a_silent_agent_and_classes_are_never_freed_by_the_clock()
    {
        var silent = await _lab.BookAsync(2, 3);
        var wish = _lab.Wish(2, 3, TestSeed.CyclerChannel(1));
        (wish.Purpose, wish.ActivityClass, wish.EducationLevel) = ("teaching", "education", "vg2");
        var lesson = await _lab.CreateAsync(TestSeed.Teacher, wish);
        Until(2, 90);
        await SweepAsync("lease-issue");
        await _lab.ExecuteAsync("UPDATE agents SET last_seen_us = @t", ("t", _lab.Micros(2)));
        await SweepAsync("no-show");
        Assert.Equal((BookingState.Confirmed, BookingState.Confirmed), ((await GetAsync(silent.Name)).State, (await GetAsync(lesson.Name, TestSeed.Teacher)).State));
        await _lab.ExecuteAsync("UPDATE agents SET last_seen_us = @t", ("t", _lab.Micros(4)));
        await SweepAsync("no-show");
        Assert.Equal((BookingState.NoShow, BookingState.Confirmed), ((await GetAsync(silent.Name)).State, (await GetAsync(lesson.Name, TestSeed.Teacher)).State));
    }

    [Fact]
    public async Task Whoever_came_may_give_the_rest_back_and_others_may_book_it()
    {
        var made = await _lab.BookAsync(2, 3);
        Until(2, 1);
        await BookingLab.RefusedAsync(Reason.WrongState, () => ReleaseAsync(made.Name));
        await CheckInAsync(made.Name);
        Assert.Equal(BookingState.Completed, (await ReleaseAsync(made.Name)).State);
        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(3, 2));
    }

    [Fact]
    public async Task A_booking_is_handed_over_before_it_begins_and_to_somebody_who_may_use_rigs()
    {
        var made = await _lab.BookAsync(10, 1);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => HandOverAsync(TestSeed.DoctoralStudent, made.Name, "affiliations/coordinator"));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => HandOverAsync(TestSeed.DoctoralStudent, made.Name, "affiliations/nobody"));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => HandOverAsync(TestSeed.Teacher, made.Name, "affiliations/teacher"));
        var theirs = await HandOverAsync(TestSeed.DoctoralStudent, made.Name, "affiliations/course-owner");
        Assert.Equal(("persons/course-owner", "affiliations/course-owner", made.Name), (theirs.Holder, theirs.Affiliation, theirs.Predecessor));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => CancelAsync(TestSeed.DoctoralStudent, theirs.Name, "mine"));
        await CancelAsync(TestSeed.CourseOwner, theirs.Name);
    }

    [Fact]
    public async Task A_rig_that_asks_for_approval_keeps_the_time_until_its_lab_has_answered()
    {
        var asked = await _lab.BookAsync(10, 1, TestSeed.GuardedChannel);
        Assert.Equal((BookingState.Pending, true), (asked.State, asked.ExpireTime is not null));
        Assert.Equal("CHANNEL_OCCUPIED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(10, 1, TestSeed.GuardedChannel)))).Reason);
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ApproveAsync(TestSeed.Teacher, asked.Name));
        Assert.Equal(asked.Name, Assert.Single((await ClientOf(TestSeed.LabManager).ListApprovalsAsync(new ListApprovalsRequest(), cancellationToken: Cancel)).Bookings).Name);
        Assert.Empty((await ClientOf(TestSeed.Coordinator).ListApprovalsAsync(new ListApprovalsRequest(), cancellationToken: Cancel)).Bookings);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => DeclineAsync(TestSeed.LabManager, asked.Name, " "));
        Assert.Equal("declined: no cover", (await DeclineAsync(TestSeed.LabManager, asked.Name, "no cover")).StateReason);
        var again = await _lab.BookAsync(10, 1, TestSeed.GuardedChannel);
        var approved = await ApproveAsync(TestSeed.LabManager, again.Name);
        Assert.Equal((BookingState.Confirmed, Decision.Approved, "persons/manager"), (approved.State, approved.Approvals[0].Decision, approved.Approvals[0].DecidedBy));
        // A manager of the lab needs nobody's yes, and a hold asks when it is confirmed.
        Assert.Equal(BookingState.Confirmed, (await _lab.CreateAsync(TestSeed.LabManager, _lab.Wish(12, 1, TestSeed.GuardedChannel))).State);
        var hold = await HoldAsync(14, 1, channels: TestSeed.GuardedChannel);
        Assert.Equal(BookingState.Pending, (await ConfirmAsync(TestSeed.DoctoralStudent, hold.Name)).State);
    }

    [Fact]
    public async Task Approving_escalates_to_the_coordinator_and_ends_by_itself()
    {
        var asked = await _lab.BookAsync(300, 1, TestSeed.GuardedChannel);
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ApproveAsync(TestSeed.Coordinator, asked.Name));
        _time.Forward(TimeSpan.FromDays(3.6));
        Assert.True(Assert.Single((await ClientOf(TestSeed.Coordinator).ListApprovalsAsync(new ListApprovalsRequest(), cancellationToken: Cancel)).Bookings[0].Approvals).Escalated);
        var other = await _lab.BookAsync(302, 1, TestSeed.GuardedChannel);
        Assert.Equal(BookingState.Confirmed, (await ApproveAsync(TestSeed.Coordinator, asked.Name)).State);
        _time.Forward(TimeSpan.FromDays(7.1));
        await BookingLab.RefusedAsync(Reason.WrongState, () => ApproveAsync(TestSeed.LabManager, other.Name));
        await SweepAsync("hold-expiry");
        Assert.Equal(BookingState.Expired, (await GetAsync(other.Name)).State);
    }

    [Fact]
    public async Task Scenario_46_only_one_of_two_can_wait_for_one_window_and_approving_twice_at_once_answers_once()
    {
        var racers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            try
            {
                return await _lab.CreateAsync(i % 2 == 0 ? TestSeed.Teacher : TestSeed.DoctoralStudent, _lab.Wish(10, 1, TestSeed.GuardedChannel));
            }
            catch (Grpc.Core.RpcException)
            {
                return null;
            }
        }));
        var asked = Assert.Single(racers, r => r is not null)!;
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            try
            {
                return (await (i % 2 == 0 ? ApproveAsync(TestSeed.LabManager, asked.Name) : DeclineAsync(TestSeed.LabManager, asked.Name, "no"))).State;
            }
            catch (Grpc.Core.RpcException)
            {
                return BookingState.Unspecified;
            }
        }));
        Assert.Single(answers, a => a != BookingState.Unspecified);
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM booking_steps WHERE booking = @n", ("n", asked.Name)));
        Assert.Equal(0, await _lab.OverlapsAsync());
    }

    [Fact]
    public async Task Confirming_asks_the_standing_rules_again()
    {
        var hold = await HoldAsync(10, 1);
        await _lab.ExecuteAsync("UPDATE rigs SET locked_us = 1 WHERE name = @n", ("n", TestSeed.EbcRig));
        Assert.Equal("RIG_LOCKED", Assert.Single(await BookingLab.ViolationsAsync(() => ConfirmAsync(TestSeed.DoctoralStudent, hold.Name))).Reason);
        await _lab.ExecuteAsync("UPDATE rigs SET locked_us = NULL WHERE name = @n", ("n", TestSeed.EbcRig));
        Assert.Equal(BookingState.Confirmed, (await ConfirmAsync(TestSeed.DoctoralStudent, hold.Name)).State);
    }

    private static FieldMask Mask(params string[] paths) => new() { Paths = { paths } };

    private BookingService.BookingServiceClient ClientOf(string token) => _lab.As(token);

    // Machine time at so many minutes from an hour of the lab.
    private void Until(double hour, double minutes)
    {
        var at = _lab.Hour0 + NodaTime.Duration.FromHours(hour) + NodaTime.Duration.FromMinutes(minutes);
        _time.Forward(at.ToDateTimeOffset() - _time.GetUtcNow());
    }

    private async Task<Booking> HoldAsync(double hour, double hours, int minutes = 10, params string[] channels) =>
        await ClientOf(TestSeed.DoctoralStudent).CreateBookingAsync(new CreateBookingRequest { Booking = _lab.Wish(hour, hours, channels), HoldMinutes = minutes }, cancellationToken: Cancel);

    private async Task<Booking> ConfirmAsync(string token, string name, string requestId = "") =>
        await ClientOf(token).ConfirmBookingAsync(new ConfirmBookingRequest { Name = name, RequestId = requestId }, cancellationToken: Cancel);

    private async Task<Booking> ChangeAsync(string token, string name, Booking booking, string[] mask, string etag = "", string reason = "") => await ClientOf(token).ChangeBookingAsync(
        new ChangeBookingRequest { Name = name, Booking = booking, UpdateMask = Mask(mask), Etag = etag, Reason = reason }, cancellationToken: Cancel);

    private Task<Booking> ResizeAsync(Booking booking, double hour, double hours) => ChangeAsync(TestSeed.DoctoralStudent, booking.Name, new Booking { Window = _lab.Window(hour, hours) }, ["window"]);

    private async Task<Booking> CancelAsync(string token, string name, string reason = "") =>
        await ClientOf(token).CancelBookingAsync(new CancelBookingRequest { Name = name, Reason = reason }, cancellationToken: Cancel);

    private async Task<Booking> CheckInAsync(string name) => await ClientOf(TestSeed.DoctoralStudent).CheckInAsync(new CheckInRequest { Name = name }, cancellationToken: Cancel);

    private async Task<Booking> ReleaseAsync(string name) => await ClientOf(TestSeed.DoctoralStudent).ReleaseBookingAsync(new ReleaseBookingRequest { Name = name }, cancellationToken: Cancel);

    private async Task<Booking> HandOverAsync(string token, string name, string affiliation) =>
        await ClientOf(token).HandOverBookingAsync(new HandOverBookingRequest { Name = name, Affiliation = affiliation }, cancellationToken: Cancel);

    private async Task<Booking> ApproveAsync(string token, string name) => await ClientOf(token).ApproveBookingAsync(new ApproveBookingRequest { Name = name }, cancellationToken: Cancel);

    private async Task<Booking> DeclineAsync(string token, string name, string reason) =>
        await ClientOf(token).DeclineBookingAsync(new DeclineBookingRequest { Name = name, Reason = reason }, cancellationToken: Cancel);

    private async Task<Booking> GetAsync(string name, string token = TestSeed.DoctoralStudent) => await ClientOf(token).GetBookingAsync(new GetBookingRequest { Name = name }, cancellationToken: Cancel);

    private async Task OutageAsync(double hour, double hours, string resource) => await ClientOf(TestSeed.LabManager).CreateOutageAsync(
        new CreateOutageRequest { Outage = new Outage { Resources = { resource }, Window = _lab.Window(hour, hours), Why = "calibration" } }, cancellationToken: Cancel);

    private Task SweepAsync(string name) => _lab.Lab.Services.GetServices<ISweep>().Single(s => s.Name == name).RunAsync(Cancel);

    private Task RunAsync(string name)
    {
        var services = _lab.Lab.Services;
        return services.GetRequiredService<BattKomp.Lab.Server.Platform.Database.CalendarDatabase>().WriteAsync(
            tx => services.GetRequiredService<BookingCalendar>().MarkRunningAsync(tx, name, Cancel), Cancel);
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteLifecycleTests() : LifecycleContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresLifecycleTests() : LifecycleContract("postgres");
