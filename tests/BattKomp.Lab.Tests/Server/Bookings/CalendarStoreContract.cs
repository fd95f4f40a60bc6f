using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>What the store itself keeps: answers by request id, facts, signals, views, pages, and no overlap whoever writes.</summary>
public abstract class CalendarStoreContract(BookingLabFixture fixture, string dialect)
{
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_id_replayed_gives_the_first_answer_and_one_booking()
    {
        var (wish, id) = (_lab.Wish(1, 1), Guid.NewGuid().ToString());
        var first = await _lab.CreateAsync(TestSeed.DoctoralStudent, wish, id);
        for (var i = 0; i < 5; i++) Assert.Equal(first, await _lab.CreateAsync(TestSeed.DoctoralStudent, wish, id));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM bookings WHERE start_us = @s", ("s", _lab.Micros(1))));
        await BookingLab.RefusedAsync(Reason.RequestIdReused, () => _lab.CreateAsync(TestSeed.DoctoralStudent, _lab.Wish(2, 1), id));
        // Another person's ids are their own.
        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(3, 1), id);
    }

    [Fact]
    public async Task Replays_that_race_make_one_booking()
    {
        var (wish, id) = (_lab.Wish(1, 1), Guid.NewGuid().ToString());
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => _lab.CreateAsync(TestSeed.DoctoralStudent, wish, id)));
        Assert.Single(answers.Select(a => a.Name).Distinct());
    }

    [Fact]
    public async Task A_refused_request_id_may_be_tried_again()
    {
        var blocking = await _lab.BookAsync(1, 1);
        var (wish, id) = (_lab.Wish(1, 1), Guid.NewGuid().ToString());
        await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, wish, id));
        await _lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = blocking.Name }, cancellationToken: Cancel);
        await _lab.CreateAsync(TestSeed.Teacher, wish, id);
    }

    [Fact]
    public async Task Validate_only_answers_the_same_and_keeps_nothing()
    {
        var request = new CreateBookingRequest { Booking = _lab.Wish(1, 1), ValidateOnly = true, RequestId = Guid.NewGuid().ToString() };
        var would = await _lab.As(TestSeed.DoctoralStudent).CreateBookingAsync(request, cancellationToken: Cancel);
        Assert.Equal((BookingState.Confirmed, ""), (would.State, would.Name));
        await _lab.BookAsync(1, 1);
        var violation = Assert.Single(await BookingLab.ViolationsAsync(async () => await _lab.As(TestSeed.DoctoralStudent).CreateBookingAsync(request, cancellationToken: Cancel)));
        Assert.Equal(("CHANNEL_OCCUPIED", _lab.Window(0, 1)), (violation.Reason, violation.Nearest));
        Assert.Equal(0, await SignalsAsync(1));
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM requests WHERE request_id = @r", ("r", request.RequestId)));
    }

    [Fact]
    public async Task A_refused_create_leaves_a_demand_signal_with_no_person_in_it()
    {
        await _lab.BookAsync(1, 1);
        await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(1, 1)));
        Assert.Equal(1, await SignalsAsync(1));
        var row = (string)(await _lab.ScalarAsync(
            "SELECT id || '|' || kind || '|' || resources || '|' || labs || '|' || reasons || '|' || activity_class || '|' || education_level || '|' || stages FROM demand_signals WHERE start_us = @s",
            ("s", _lab.Micros(1))))!;
        Assert.Contains("CHANNEL_OCCUPIED", row);
        Assert.Contains(TestSeed.EbcChannel, row);
        foreach (var personal in new[] { "persons/", "affiliations/", "organisations/", "teacher" }) Assert.DoesNotContain(personal, row);
    }

    [Fact]
    public async Task The_facts_of_a_booking_are_copied_to_a_usage_row_that_nobody_edits()
    {
        var wish = _lab.Wish(1, 1);
        (wish.Headcount, wish.EducationLevel, wish.ActivityClass, wish.Purpose) = (7, "vg3", "education", "teaching");
        (wish.Project, wish.Module, wish.Cohort, wish.Allocation, wish.Procedure) = ("p-1", "m-2", "c-3", "a-4", "procedures/cc/versions/1");
        wish.Stages.Add("recycling");
        var made = await _lab.CreateAsync(TestSeed.Teacher, wish);
        Assert.Equal("7|vg3|education|teaching|recycling|p-1|m-2|c-3|a-4|procedures/cc/versions/1|affiliations/teacher|organisations/school", await _lab.ScalarAsync(
            "SELECT headcount || '|' || education_level || '|' || activity_class || '|' || purpose || '|' || stages || '|' || project || '|' || module || '|' || cohort || '|' || " +
            "allocation || '|' || procedure || '|' || affiliation || '|' || organisation FROM booking_usage WHERE booking = @n", ("n", made.Name)));
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => _lab.ExecuteAsync("UPDATE booking_usage SET headcount = 1 WHERE booking = @n", ("n", made.Name)));
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => _lab.ExecuteAsync("DELETE FROM booking_usage WHERE booking = @n", ("n", made.Name)));
    }

    [Fact]
    public async Task Not_even_a_stray_writer_can_overlap()
    {
        var made = await _lab.BookAsync(1, 2);
        var insert = dialect == "postgres"
            ? "INSERT INTO occupancy (booking, resource, during, kind, occupies) VALUES (@b, @r, int8range(@s, @e), 1, @o)"
            : "INSERT INTO occupancy (booking, resource, start_us, end_us, kind, occupies) VALUES (@b, @r, @s, @e, 1, @o)";
        Task<int> Stray(string by, double from, double to, int occupies) =>
            _lab.ExecuteAsync(insert, ("b", by), ("r", TestSeed.EbcChannel), ("s", _lab.Micros(from)), ("e", _lab.Micros(to)), ("o", occupies));
        var me = Guid.NewGuid().ToString();
        foreach (var (from, to) in new[] { (1.0, 3.0), (0.5, 1.1), (2.9, 4), (1.5, 1.6), (0, 9) })
            await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => Stray(me, from, to, 1));
        await Stray(me, 1, 3, 0);
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => _lab.ExecuteAsync("UPDATE occupancy SET occupies = 1 WHERE booking = @b", ("b", me)));
        await Stray(Guid.NewGuid().ToString(), 3, 4, 1);
        Assert.Equal(0, await _lab.OverlapsAsync());
        Assert.Equal(_lab.Window(4, 2), Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(2.5, 2))).Nearest);
        Assert.Equal(BookingState.Confirmed, made.State);
    }

    [Fact]
    public async Task A_confidential_booking_is_busy_to_others_and_a_safety_view_to_staff()
    {
        var wish = _lab.Wish(1, 1);
        wish.Visibility = new Visibility { Kind = VisibilityKind.Confidential };
        wish.Title = "secret chemistry";
        var made = await _lab.CreateAsync(TestSeed.IndustryEngineer, wish);
        var get = new GetBookingRequest { Name = made.Name };
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await _lab.As(TestSeed.Teacher).GetBookingAsync(get, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await _lab.As(TestSeed.Teacher).CancelBookingAsync(new CancelBookingRequest { Name = made.Name, Reason = "x" }, cancellationToken: Cancel));
        Assert.Equal(new Booking { Channels = { made.Channels }, Window = made.Window, BusyOnly = true }, Assert.Single(await ListAsync(TestSeed.Teacher, 1, 1)));
        var safety = await _lab.As(TestSeed.LabManager).GetBookingAsync(get, cancellationToken: Cancel);
        Assert.True(safety.SafetyView);
        Assert.Equal((made.Name, "", "", ""), (safety.Name, safety.Title, safety.Holder, safety.Purpose));
        Assert.Equal("secret chemistry", Assert.Single(await ListAsync(TestSeed.IndustryEngineer, 1, 1)).Title);
        var violation = Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(1, 1))));
        Assert.Equal([made.Window], violation.Blocking);
        Assert.DoesNotContain(made.Name, violation.ToString());
        await _lab.As(TestSeed.IndustryEngineer).CancelBookingAsync(new CancelBookingRequest { Name = made.Name }, cancellationToken: Cancel);
        Assert.Empty(await ListAsync(TestSeed.Teacher, 1, 1, l => l.IncludeEnded = true));
        Assert.Single(await ListAsync(TestSeed.IndustryEngineer, 1, 1, l => l.IncludeEnded = true));
    }

    [Fact]
    public async Task Pages_hold_each_booking_once_while_others_book()
    {
        var made = new List<string>();
        for (var i = 0; i < 4; i++)
            for (var hour = 10; hour < 12; hour++)
                made.Add((await _lab.BookAsync(hour, 1, TestSeed.CyclerChannel(i + 1))).Name);
        var (seen, token) = (new List<string>(), "");
        do
        {
            var page = await _lab.As(TestSeed.Teacher).ListBookingsAsync(new ListBookingsRequest { Window = _lab.Window(10, 3), PageSize = 3, PageToken = token }, cancellationToken: Cancel);
            Assert.InRange(page.Bookings.Count, 1, 3);
            seen.AddRange(page.Bookings.Select(b => b.Name));
            token = page.NextPageToken;
            if (seen.Count == 3) await _lab.BookAsync(9.5, 0.5 + 1, TestSeed.EbcChannel);
        }
        while (token.Length > 0);
        Assert.Equal(made.Order(), seen.Order());
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ListAsync(TestSeed.Teacher, 10, 3, l => l.PageToken = "nonsense"));
    }

    [Fact]
    public async Task A_list_narrows_to_a_rig_a_channel_or_ones_own_and_tells_outages()
    {
        var mine = await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(1, 1));
        var other = await _lab.BookAsync(1, 1, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2));
        var outage = await _lab.As(TestSeed.LabManager).CreateOutageAsync(
            new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.CyclerChannel(4) }, Window = _lab.Window(1, 1), Why = "calibration" } }, cancellationToken: Cancel);
        Assert.Equal([mine.Name], (await ListAsync(TestSeed.Teacher, 0, 3, l => l.Mine = true)).Select(b => b.Name));
        Assert.Equal([other.Name], (await ListAsync(TestSeed.Teacher, 0, 3, l => l.Resource = TestSeed.CyclerRig)).Select(b => b.Name));
        Assert.Equal([other.Name], (await ListAsync(TestSeed.Teacher, 0, 3, l => l.Resource = TestSeed.CyclerChannel(2))).Select(b => b.Name));
        Assert.Empty(await ListAsync(TestSeed.Teacher, 0, 3, l => l.Resource = TestSeed.CyclerChannel(3)));
        Assert.Empty(await ListAsync(TestSeed.Teacher, 2, 1));
        Assert.Empty(await ListAsync(TestSeed.Teacher, 0, 1));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => ListAsync(TestSeed.Teacher, 0, 3, l => l.Resource = "rigs/none"));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ListAsync(TestSeed.Teacher, 0, 2401));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ListAsync(TestSeed.Teacher, 0, 3, l => l.Window = null));
        var listed = await _lab.As(TestSeed.Teacher).ListBookingsAsync(new ListBookingsRequest { Window = _lab.Window(0, 3), Resource = TestSeed.CyclerRig }, cancellationToken: Cancel);
        Assert.Equal([outage], listed.Outages);
    }

    private async Task<IReadOnlyList<Booking>> ListAsync(string token, double hour, double hours, Action<ListBookingsRequest>? more = null)
    {
        var request = new ListBookingsRequest { Window = _lab.Window(hour, hours) };
        more?.Invoke(request);
        return (await _lab.As(token).ListBookingsAsync(request, cancellationToken: Cancel)).Bookings;
    }

    private Task<long> SignalsAsync(double hour) => _lab.CountAsync("SELECT count(*) FROM demand_signals WHERE start_us = @s", ("s", _lab.Micros(hour)));
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteCalendarStoreTests(SqliteLab lab) : CalendarStoreContract(lab, "sqlite"), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresCalendarStoreTests(PostgresLab lab) : CalendarStoreContract(lab, "postgres"), IClassFixture<PostgresLab>;
