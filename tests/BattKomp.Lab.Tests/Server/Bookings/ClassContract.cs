using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using NodaTime;
using NodaTime.Calendars;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>Classes at the rigs, the same on either database.</summary>
public abstract class ClassContract(string dialect) : IAsyncLifetime
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
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
    public async Task A_class_is_booked_with_all_its_benches_and_pupils_take_seats_by_code_under_aliases()
    {
        var request = new CreateClassBlockRequest { ClassBlock = Block(days: 7, seats: 5), RequestId = Guid.NewGuid().ToString() };
        var made = await Client(TestSeed.Teacher).CreateClassBlockAsync(request, cancellationToken: Cancel);
        Assert.Equal((3, 3), (made.Items.Count, made.Items.Count(i => i.Booking.Length > 0)));
        Assert.Equal(made, await Client(TestSeed.Teacher).CreateClassBlockAsync(request, cancellationToken: Cancel));
        var lesson = await _lab.As(TestSeed.Teacher).GetBookingAsync(new GetBookingRequest { Name = made.Items[0].Booking }, cancellationToken: Cancel);
        Assert.Equal((2, "cohorts/2elb"), (lesson.Channels.Count, lesson.Cohort));
        var code = made.ClassBlock.JoinCode;
        var seats = new List<ClassSeat>();
        foreach (var alias in new[] { "fox", "owl", "elk", "bee" }) seats.Add(await Client("").JoinClassAsync(new JoinClassRequest { Code = code.ToLowerInvariant(), Alias = alias }, cancellationToken: Cancel));
        Assert.Equal([1, 2, 1, 2], seats.Select(s => s.Group));
        Assert.Equal(seats[0], await Client("").JoinClassAsync(new JoinClassRequest { Code = code, Alias = "fox" }, cancellationToken: Cancel));
        var plan = await Client("").GetClassPlanAsync(new GetClassPlanRequest { Code = code, Alias = "owl" }, cancellationToken: Cancel);
        Assert.Equal([(0, "B"), (30, "A"), (60, "B")], plan.Stops.Select(s => (s.FromMinute, s.Bench)));
        Assert.Equal(made.Items.Select(i => i.Start), plan.Lessons);
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await Client("").GetClassPlanAsync(new GetClassPlanRequest { Code = code, Alias = "cat" }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await Client(TestSeed.IndustryEngineer).GetClassBlockAsync(new GetClassBlockRequest { Name = made.ClassBlock.Name }, cancellationToken: Cancel));
        Assert.Equal(4, (await Client(TestSeed.LabManager).GetClassBlockAsync(new GetClassBlockRequest { Name = made.ClassBlock.Name }, cancellationToken: Cancel)).Taken.Count);
    }

    [Fact]
    public async Task Scenario_48_seats_open_at_nine_on_the_wall_a_full_class_is_full_and_one_alias_is_one_seat()
    {
        var made = (await Client(TestSeed.Teacher).CreateClassBlockAsync(new CreateClassBlockRequest { ClassBlock = Block(days: 30, seats: 3) }, cancellationToken: Cancel)).ClassBlock;
        var opens = BookingTimes.Instant(made.JoinOpenTime).InZone(Oslo);
        Assert.Equal((new LocalTime(9, 0), NodaTime.Text.LocalDateTimePattern.ExtendedIso.Parse(made.FirstStart + ":00").Value.Date.PlusDays(-14)), (opens.TimeOfDay, opens.Date));
        await BookingLab.RefusedAsync(Reason.WrongState, () => JoinAsync(made.JoinCode, "early"));
        _time.Forward(opens.ToDateTimeOffset() - _time.GetUtcNow() + TimeSpan.FromSeconds(5));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            try
            {
                return (await JoinAsync(made.JoinCode, $"pupil {i / 2}")).Alias;
            }
            catch (RpcException e)
            {
                Assert.Contains("seats are taken", e.Status.Detail);
                return "";
            }
        }));
        Assert.Equal(3, outcomes.Where(a => a.Length > 0).Distinct().Count());
        Assert.Equal(3, await _lab.CountAsync("SELECT count(*) FROM class_seats"));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => JoinAsync("NOSUCHCODE", "fox"));
    }

    [Fact]
    public async Task Seats_open_at_nine_also_where_the_clocks_change_before_the_lesson()
    {
        var change = Oslo.GetZoneInterval(_lab.Hour0 + Duration.FromDays(20)).End.InZone(Oslo).Date;
        var days = Period.Between(_lab.Hour0.InZone(Oslo).Date, change.PlusDays(5), PeriodUnits.Days).Days;
        var made = (await Client(TestSeed.Teacher).CreateClassBlockAsync(new CreateClassBlockRequest { ClassBlock = Block(days, seats: 3) }, cancellationToken: Cancel)).ClassBlock;
        var opens = BookingTimes.Instant(made.JoinOpenTime).InZone(Oslo);
        Assert.Equal((change.PlusDays(5 - 14), new LocalTime(9, 0)), (opens.Date, opens.TimeOfDay));
    }

    [Fact]
    public async Task A_class_that_cannot_be_held_whole_is_not_held_and_says_which_lesson_and_why()
    {
        var block = Block(days: 7, seats: 5);
        var second = NodaTime.Text.LocalDateTimePattern.ExtendedIso.Parse(block.FirstStart + ":00").Value.PlusWeeks(1).InZoneStrictly(Oslo).ToInstant();
        var wish = _lab.Wish(0, 1, TestSeed.EbcChannel);
        wish.Window = BookingTimes.Window(new BattKomp.Lab.Domain.Time.TimeWindow(second, second + Duration.FromHours(1)));
        await _lab.CreateAsync(TestSeed.DoctoralStudent, wish);
        var refused = await Client(TestSeed.Teacher).CreateClassBlockAsync(new CreateClassBlockRequest { ClassBlock = block }, cancellationToken: Cancel);
        Assert.Null(refused.ClassBlock);
        Assert.Equal([0, 1, 0], refused.Items.Select(i => i.Violations.Count));
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM class_blocks"));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM bookings"));
        var malformed = await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await Client(TestSeed.Teacher).CreateClassBlockAsync(new CreateClassBlockRequest { ClassBlock = new ClassBlock { Groups = 3, Seats = 0 } }, cancellationToken: Cancel));
        var fields = malformed.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(f => f.Field).ToList();
        foreach (var field in new[] { "class_block.benches", "class_block.booking.cohort", "class_block.groups", "class_block.seats" }) Assert.Contains(field, fields);
    }

    [Fact]
    public async Task Last_years_class_is_held_again_in_another_school_week_on_the_same_weekday_and_time()
    {
        var made = (await Client(TestSeed.Teacher).CreateClassBlockAsync(new CreateClassBlockRequest { ClassBlock = Block(days: 7, seats: 5) }, cancellationToken: Cancel)).ClassBlock;
        var start = NodaTime.Text.LocalDateTimePattern.ExtendedIso.Parse(made.FirstStart + ":00").Value;
        var target = start.Date.PlusWeeks(20);
        var copied = (await Client(TestSeed.Teacher).CopyClassBlockAsync(
            new CopyClassBlockRequest { Name = made.Name, IsoYear = WeekYearRules.Iso.GetWeekYear(target), IsoWeek = WeekYearRules.Iso.GetWeekOfWeekYear(target) }, cancellationToken: Cancel)).ClassBlock;
        Assert.Equal(target + start.TimeOfDay, NodaTime.Text.LocalDateTimePattern.ExtendedIso.Parse(copied.FirstStart + ":00").Value);
        Assert.NotEqual(made.JoinCode, copied.JoinCode);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await Client(TestSeed.Teacher).CopyClassBlockAsync(new CopyClassBlockRequest { Name = made.Name, IsoYear = 2027, IsoWeek = 54 }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await Client(TestSeed.DoctoralStudent).CopyClassBlockAsync(new CopyClassBlockRequest { Name = made.Name, IsoYear = 2027, IsoWeek = 5 }, cancellationToken: Cancel));
    }

    private ClassService.ClassServiceClient Client(string token) => new(_lab.Lab.As(token));

    private async Task<ClassSeat> JoinAsync(string code, string alias) => await Client("").JoinClassAsync(new JoinClassRequest { Code = code, Alias = alias }, cancellationToken: Cancel);

    // Three weekly lessons of 90 min at 10:15, two benches, groups that rotate each half hour.
    private ClassBlock Block(int days, int seats)
    {
        var booking = _lab.Wish(0, 1);
        booking.Window = null;
        booking.Channels.Clear();
        (booking.Purpose, booking.ActivityClass, booking.EducationLevel, booking.Headcount, booking.Cohort) = ("teaching", "education", "vg2", 6, "cohorts/2elb");
        return new ClassBlock
        {
            Booking = booking,
            Benches = { new ClassBench { Title = "A", Channels = { TestSeed.EbcChannel } }, new ClassBench { Title = "B", Channels = { TestSeed.CyclerChannel(1) } } },
            RotationMinutes = 30,
            Seats = seats,
            FirstStart = NodaTime.Text.LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm").Format(_lab.Hour0.InZone(Oslo).Date.PlusDays(days) + new LocalTime(10, 15)),
            WallMinutes = 90,
            Rrule = "FREQ=WEEKLY;COUNT=3",
        };
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteClassTests() : ClassContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresClassTests() : ClassContract("postgres");
