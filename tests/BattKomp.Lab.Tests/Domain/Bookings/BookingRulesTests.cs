using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>The rule engine: pure, complete, and honest about what is nearest.</summary>
public sealed class BookingRulesTests
{
    private const string Channel = "rigs/a/channels/1";
    private const string Other = "rigs/a/channels/2";
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private static readonly LabFacts School = new("labs/school", Oslo, [.. Enumerable.Range(1, 5).Select(d => new OpenStretch((IsoDayOfWeek)d, 480, 960))],
        [new ClosedDays(new LocalDate(2026, 12, 21), new LocalDate(2027, 1, 3), "Christmas")]);

    private static readonly Gen<TimeWindow> Windows = Gen.Select(Gen.Int[-300, 3000], Gen.Int[1, 2000]).Select((start, length) => Window(start, length));

    private static readonly Gen<(BookingRequest Request, BookingFacts Facts)> Cases = Gen.Select(Windows, Gen.Int[0, 3], Gen.Int[1, 40], Gen.Int[0, 2], Windows.Array[0, 6], Gen.Int[0, 90]).Select(
        (window, channels, heads, presence, busy, buffer) => (
            new BookingRequest(channels switch { 0 => [Channel], 1 => [Channel, Other], 2 => [Channel, Channel], _ => ["rigs/x/channels/1", Other] }, window) { Headcount = heads, Presence = (Presence)presence },
            Facts(School) with
            {
                Occupied = [.. busy.Select((b, i) => new Occupied(i % 2 == 0 ? Channel : Other, b, (OccupancyKind)(1 + (i / 2 % 2))))],
                OccupiedKnown = new TimeWindow(Now - Duration.FromDays(20), Now + Duration.FromDays(40)),
                Limits = new BookingLimits { Buffer = Duration.FromMinutes(buffer), MinLength = Duration.FromMinutes(30), MaxLength = Duration.FromHours(30), Horizon = Duration.FromDays(2) },
            }));

    [Fact]
    public void The_same_question_has_the_same_answer() => Cases.Sample(c =>
    {
        var (first, second) = (BookingRules.Evaluate(Now, c.Request, c.Facts), BookingRules.Evaluate(Now, c.Request, c.Facts));
        Assert.Equal(first.Select(v => (v.Reason, v.Message, v.Nearest, v.Resource)), second.Select(v => (v.Reason, v.Message, v.Nearest, v.Resource)));
        Assert.All(first, v => Assert.False(string.IsNullOrWhiteSpace(v.Message) || string.IsNullOrWhiteSpace(v.Rule)));
    });

    [Fact]
    public void Without_a_notice_limit_a_booking_may_begin_the_minute_it_is_asked_for_and_be_cancelled_after_it_began()
    {
        var begun = new TimeWindow(Now - Duration.FromSeconds(30), Now + Duration.FromHours(1));
        Assert.Empty(new NoticeRule().Evaluate(Now, new BookingRequest([Channel], begun), Facts(School)));
        Assert.Empty(NoticeRule.EvaluateCancel(Now, begun, new BookingLimits()));
    }

    [Fact]
    public void What_a_rule_calls_nearest_that_rule_accepts() => Cases.Sample(c =>
    {
        foreach (var rule in BookingRules.All)
            foreach (var violation in rule.Evaluate(Now, c.Request, c.Facts))
                if (violation.Nearest is { } nearest)
                    Assert.Empty(rule.Evaluate(Now, c.Request with { Window = nearest }, c.Facts));
    });

    [Fact]
    public void No_free_window_lies_nearer_than_the_one_told() => Cases.Sample(c =>
    {
        if (NearestWindow.Free(Now, c.Request, c.Facts) is not { } nearest) return;
        var distance = Distance(nearest);
        for (var minute = 0; minute < 4000; minute += 7)
        {
            var candidate = c.Request.Window.StartingAt(Now + Duration.FromMinutes(minute));
            if (Distance(candidate) >= distance) continue;
            var padded = new TimeWindow(candidate.Start - c.Facts.Limits.Buffer, candidate.End + c.Facts.Limits.Buffer);
            Assert.Contains(c.Facts.Occupied, o => c.Request.Channels.Contains(o.Resource) && o.During.Overlaps(padded));
        }

        Duration Distance(TimeWindow w) => w.Start > c.Request.Window.Start ? w.Start - c.Request.Window.Start : c.Request.Window.Start - w.Start;
    }, iter: 200);

    [Fact]
    public void Opening_hours_follow_the_wall_clock_from_2024_to_2035()
    {
        var hours = Gen.Select(Gen.Int[0, 1439], Gen.Int[1, 1440]).Where((o, c) => o < c);
        Gen.Select(Gen.Int[0, (12 * 365) - 3], Gen.Bool, hours, Gen.Int[0, 1440], Gen.Int[1, 1800]).Sample((day, nearChange, open, at, length) =>
        {
            var date = new LocalDate(2024, 1, 1).PlusDays(day);
            // Half of the cases lie where the clock is put forward or back.
            if (nearChange) date = Oslo.GetZoneInterval(date.AtStartOfDayInZone(Oslo).ToInstant()).End.InZone(Oslo).Date;
            var lab = new LabFacts("labs/l", Oslo, [.. Enumerable.Range(1, 7).Select(d => new OpenStretch((IsoDayOfWeek)d, open.Item1, open.Item2))], [new ClosedDays(date.PlusDays(1), date.PlusDays(1), "")]);
            var start = date.AtStartOfDayInZone(Oslo).ToInstant() + Duration.FromMinutes(at);
            var window = new TimeWindow(start, start + Duration.FromMinutes(length));
            var naive = Enumerable.Range(0, length).All(m =>
            {
                var local = (start + Duration.FromMinutes(m)).InZone(Oslo).LocalDateTime;
                var minute = (local.Hour * 60) + local.Minute;
                return local.Date != date.PlusDays(1) && open.Item1 <= minute && minute < open.Item2;
            });
            Assert.Equal(naive, OpeningTimes.CoversAll(lab, window));
        }, iter: 3000);
    }

    [Fact]
    public void People_on_site_stay_within_opening_hours_and_a_run_from_afar_only_starts_in_them()
    {
        var overnight = new BookingRequest([Channel], Window(60, 24 * 60));
        Assert.Equal("OUTSIDE_OPENING_HOURS", Assert.Single(new OpeningHoursRule().Evaluate(Now, overnight, Facts(School))).Reason);
        Assert.Empty(new OpeningHoursRule().Evaluate(Now, overnight with { Presence = Presence.RemoteOperate }, Facts(School)));
        var christmas = new BookingRequest([Channel], new TimeWindow(Instant.FromUtc(2026, 12, 21, 9, 0), Instant.FromUtc(2026, 12, 21, 10, 0)));
        var closed = Assert.Single(new OpeningHoursRule().Evaluate(Now, christmas, Facts(School)));
        Assert.Contains("Christmas", closed.Message);
        Assert.Equal(new TimeWindow(Instant.FromUtc(2026, 12, 18, 14, 0), Instant.FromUtc(2026, 12, 18, 15, 0)), closed.Nearest);
    }

    [Fact]
    public void Limits_that_contradict_each_other_are_both_told()
    {
        var facts = Facts(School) with { Limits = new BookingLimits { MinLength = Duration.FromMinutes(90), MaxLength = Duration.FromMinutes(30) } };
        Assert.Equal(["TOO_SHORT", "TOO_LONG"], new LengthRule().Evaluate(Now, new BookingRequest([Channel], Window(0, 60)), facts).Select(v => v.Reason));
    }

    [Fact]
    public void A_step_is_refused_from_every_state_it_does_not_start_from()
    {
        foreach (var step in Enum.GetValues<BookingStep>())
            foreach (var state in Enum.GetValues<BookingState>())
                Assert.Equal(BookingStates.From(step).Contains(state) ? BookingStates.Target(step) : null, BookingStates.After(state, step));
        Assert.DoesNotContain(BookingState.Running, BookingStates.From(BookingStep.Cancel));
        // What is over never comes back.
        foreach (var ended in Enum.GetValues<BookingState>().Where(s => !BookingStates.Occupies(s)))
            Assert.All(Enum.GetValues<BookingStep>(), step => Assert.Null(BookingStates.After(ended, step)));
    }

    private static TimeWindow Window(int minute, int minutes) => new(Now + Duration.FromMinutes(minute), Now + Duration.FromMinutes(minute + minutes));

    private static BookingFacts Facts(LabFacts lab)
    {
        var rig = new RigFacts("rigs/a", lab.Name, "h4", 100, false, 4, false);
        return new BookingFacts { RigOfChannel = new Dictionary<string, RigFacts> { [Channel] = rig, [Other] = rig }, Labs = new Dictionary<string, LabFacts> { [lab.Name] = lab }, HazardOrder = ["h0", "h1", "h2", "h3", "h4"] };
    }
}
