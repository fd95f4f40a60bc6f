using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Server.Features.Usage;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Xunit;
using Row = System.Collections.Generic.IReadOnlyDictionary<string, string>;

namespace BattKomp.Lab.Tests.Server.Usage;

/// <summary>Monthly accounts of use: bookings of a month to come, closed some days after its end.</summary>
public abstract class UsageContract(string dialect) : IAsyncLifetime
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private readonly ShiftedTime _time = new();
    private BookingLab _lab = null!;
    private YearMonth _month;
    private double _first;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _lab = await BookingLab.StartAsync(dialect, o => (o.Runs.SweepSeconds, o.Bookings.LateCancelHours) = (0, 24 * 200), time: _time);
        _month = _lab.Hour0.InZone(Oslo).Date.ToYearMonth().PlusMonths(2);
        _first = (Oslo.AtStartOfDay(_month.OnDayOfMonth(1)).ToInstant() - _lab.Hour0).TotalHours;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task A_month_is_closed_once_over_and_settled_with_what_was_booked_energised_and_lost_and_small_cells_merged()
    {
        for (var i = 0; i < 6; i++) await _lab.BookAsync(_first + i, 1);
        // On the lab's wall clock these are of the month before, in UTC the last of them too; one lies across and has a part in both.
        for (var i = 0; i < 4; i++) await _lab.BookAsync(_first - 6 + i, 1, TestSeed.CyclerChannel(2));
        await _lab.BookAsync(_first - 1, 1.5, TestSeed.CyclerChannel(2));
        var two = await _lab.CreateAsync(TestSeed.DoctoralStudent, _lab.Wish(_first + 10, 2, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2)));
        await RunAsync(two.Name, TestSeed.CyclerChannel(1), 10.25, 11.0);
        await RunAsync(two.Name, TestSeed.CyclerChannel(2), 9, 13);
        var late = await _lab.BookAsync(_first + 20, 3);
        await _lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = late.Name }, cancellationToken: Cancel);
        var school = _lab.Wish(_first + 30, 1);
        (school.Purpose, school.ActivityClass, school.EducationLevel) = ("teaching", "education", "vg2");
        await _lab.CreateAsync(TestSeed.Teacher, school);
        for (var i = 0; i < 5; i++) await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(_first, 1)));
        // Two incidents at once lock the rig once; of the time given up late nothing is locked.
        await IncidentAsync(TestSeed.EbcRig, 4.5, 5.5);
        await IncidentAsync(TestSeed.EbcRig, 5.25, 22);

        await SweepAsync();
        Assert.DoesNotContain((await Client().ListUsageSnapshotsAsync(new ListUsageSnapshotsRequest(), cancellationToken: Cancel)).Snapshots, s => s.Name == Name(_month));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => GetAsync(_month));
        await CloseAsync();
        var files = await GetAsync(_month);

        // 6 × 1 h, 2 h on two channels, 3 h given up late; the school's one booking is merged into them.
        var row = Assert.Single(Rows(files, "usage.csv"));
        Assert.Equal(("open", TestSeed.Lab, "50", "cell-making", "*", "*", "*"), (row["visibility"], row["lab"], row["county"], row["stage"], row["education_level"], row["activity_class"], row["organisation"]));
        Assert.Equal(("10", "14.5", "2.75", "3", "1.5"), (row["bookings"], row["booked_hours"], row["energised_hours"], row["lost_hours"], row["down_hours"]));
        Assert.DoesNotContain("school", Text(files, "usage.csv"));
        var before = Assert.Single(Rows(await GetAsync(_month.PlusMonths(-1)), "usage.csv"));
        Assert.Equal(("5", "5", "organisations/university"), (before["bookings"], before["booked_hours"], before["organisation"]));
        // A wish belongs to the month in which it was made.
        Assert.Empty(Rows(files, "unmet.csv"));
        Assert.Equal((files.Name.Split('/')[1], files.Name.Split('/')[1]), (row["month"], row["since"]));
        var wishes = Assert.Single(Rows(await GetAsync(_month.PlusMonths(-2)), "unmet.csv"));
        Assert.Equal(("5", "5", "research", TestSeed.Lab), (wishes["signals"], wishes["wished_hours"], wishes["activity_class"], wishes["lab"]));
    }

    [Fact]
    public async Task Capacity_is_open_channel_hours_less_outages_in_the_labs_own_month()
    {
        await _lab.BookAsync(_first + 1, 1);
        var manager = _lab.As(TestSeed.LabManager);
        Task OutageAsync(double hour, double hours, string of) => manager.CreateOutageAsync(
            new CreateOutageRequest { Outage = new Outage { Resources = { of }, Window = _lab.Window(_first + hour, hours), Why = "x" } }, cancellationToken: Cancel).ResponseAsync;
        await OutageAsync(-5, 10, TestSeed.CyclerChannel(1));
        await OutageAsync(20, 8, TestSeed.CyclerRig);
        // The second day is closed: maintenance on it costs nothing.
        var day = _month.OnDayOfMonth(2);
        await new FeedService.FeedServiceClient(_lab.Lab.As(TestSeed.LabManager)).ImportClosuresAsync(new ImportClosuresRequest
        {
            Lab = TestSeed.Lab,
            Ics = $"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:{day:uuuuMMdd}\nSUMMARY:closed\nEND:VEVENT\nEND:VCALENDAR\n",
        }, cancellationToken: Cancel);
        await CloseAsync();
        var rows = Rows(await GetAsync(_month), "capacity.csv").ToDictionary(r => r["rig"]);
        var hours = (Oslo.AtStartOfDay(_month.PlusMonths(1).OnDayOfMonth(1)).ToInstant() - Oslo.AtStartOfDay(_month.OnDayOfMonth(1)).ToInstant()).TotalHours - 24;
        var (ebc, cycler) = (rows[TestSeed.EbcRig], rows[TestSeed.CyclerRig]);
        Assert.Equal((Csv.Number(hours), "0", Csv.Number(hours), "1", "50"), (ebc["open_hours"], ebc["outage_hours"], ebc["capacity_hours"], ebc["channels"], ebc["county"]));
        Assert.Equal((Csv.Number(4 * hours), "21", Csv.Number(4 * hours - 21)), (cycler["open_hours"], cycler["outage_hours"], cycler["capacity_hours"]));
    }

    [Fact]
    public async Task Restricted_bookings_stand_apart_without_owner_stage_or_level_and_few_of_them_not_at_all()
    {
        async Task SecretAsync(int from, int count)
        {
            for (var i = from; i < from + count; i++)
            {
                var wish = _lab.Wish(_first + 2 * i, 1);
                (wish.Title, wish.Project, wish.ActivityClass, wish.Purpose, wish.EducationLevel) = ("canary-title", "canary-project", "economic", "service", "continuing");
                wish.Stages.Add("recycling");
                wish.Visibility = new Visibility { Kind = VisibilityKind.Confidential };
                await _lab.CreateAsync(TestSeed.IndustryEngineer, wish);
            }
        }
        for (var i = 0; i < 6; i++) await _lab.BookAsync(_first + 2 * i + 1, 1);
        await SecretAsync(0, 4);
        var second = (Oslo.AtStartOfDay(_month.PlusMonths(1).OnDayOfMonth(1)).ToInstant() - _lab.Hour0).TotalHours;
        _first = second;
        await SecretAsync(0, 5);
        await CloseAsync(months: 2);

        var few = await GetAsync(_month);
        var (open, waits) = (Rows(few, "usage.csv")[0], Rows(few, "usage.csv")[1]);
        Assert.Equal(("open", "6", 2), (open["visibility"], open["bookings"], Rows(few, "usage.csv").Count));
        Assert.Equal(["restricted", "*", "*", "*", "*", "*", "*", "", "", "", "", ""], waits.Skip(2).Select(c => c.Value));
        // What was too little in the first month is told with the second.
        var enough = await GetAsync(_month.PlusMonths(1));
        var row = Assert.Single(Rows(enough, "usage.csv"));
        Assert.Equal(("restricted", "withheld", "withheld", "withheld", "economic", "9", "9", few.Name.Split('/')[1]),
            (row["visibility"], row["organisation"], row["stage"], row["education_level"], row["activity_class"], row["bookings"], row["booked_hours"], row["since"]));
        foreach (var file in few.Files.Concat(enough.Files).Where(f => f.Name is "usage.csv" or "unmet.csv"))
            foreach (var marker in new[] { "canary", "company", "engineer", "recycling", "continuing", "service" })
                Assert.DoesNotContain(marker, file.Text, StringComparison.Ordinal);

        var year = _month.PlusMonths(1).Year;
        var share = await Client().GetEconomicShareAsync(new GetEconomicShareRequest { Lab = TestSeed.Lab, Year = year }, cancellationToken: Cancel);
        var closed = new[] { few, enough }.Where(m => m.Name.StartsWith($"usageSnapshots/{year}-", StringComparison.Ordinal)).ToList();
        Assert.Equal(closed.Select(m => m.Name.Split('/')[1]), share.Months);
        Assert.Equal(closed.SelectMany(m => Rows(m, "capacity.csv")).Sum(r => Number(r["capacity_hours"])), share.CapacityHours, 6);
        // Hours of two years in one row belong to either, for certain to neither.
        Assert.Equal((_month.Year == year ? 9.0 : 0.0, 9.0, 0.2), (share.EconomicHoursAtLeast, share.EconomicHoursAtMost, share.Ceiling));
        Assert.Equal((9 / share.CapacityHours, EconomicShare.Types.Verdict.Within), (share.ShareAtMost, share.Verdict));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await Client().GetEconomicShareAsync(new GetEconomicShareRequest { Lab = "labs/none", Year = year }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await Client().GetEconomicShareAsync(new GetEconomicShareRequest { Lab = TestSeed.Lab, Year = 20 }, cancellationToken: Cancel));
    }

    [Fact]
    public async Task Scenario_52_lost_time_is_logged_by_the_lab_within_the_booking_and_an_overlap_has_to_be_confirmed()
    {
        for (var i = 0; i < 4; i++) await _lab.BookAsync(_first + 10 + i, 1);
        var booking = await _lab.BookAsync(_first + 2, 4);
        var staff = new UsageService.UsageServiceClient(_lab.Lab.As(TestSeed.LabManager));
        async Task<LostTime> LogAsync(double from, double to, bool confirm = false, string id = "", UsageService.UsageServiceClient? by = null) => await (by ?? staff).LogLostTimeAsync(
            new LogLostTimeRequest { Booking = booking.Name, Window = new TimeWindow { Start = _lab.Window(_first + from, 1).Start, End = _lab.Window(_first + to, 1).Start }, Why = "power cut", ConfirmOverlap = confirm, RequestId = id },
            cancellationToken: Cancel);
        Assert.Contains("lies ahead", (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => LogAsync(2, 3))).Status.Detail);
        _time.Forward((_lab.Hour0 + Duration.FromHours(_first + 20) - _lab.Lab.Services.GetRequiredService<MachineClock>().Now).ToTimeSpan());

        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => LogAsync(4, 3));
        Assert.Contains("outside the booking", (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => LogAsync(1, 3))).Status.Detail);
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => LogAsync(3, 4, by: new(_lab.Lab.As(TestSeed.DoctoralStudent))));
        var first = await LogAsync(3, 4, id: "once");
        Assert.Equal(first, await LogAsync(3, 4, id: "once"));
        var asked = await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => LogAsync(3.5, 4.5));
        Assert.Contains("confirm_overlap", asked.Status.Detail);
        Assert.Contains("power cut", asked.Status.Detail);
        var second = await LogAsync(3.5, 4.5, confirm: true);
        await LogAsync(4.5, 5);
        Assert.Equal([first.Name, second.Name], (await Client(TestSeed.DoctoralStudent).ListLostTimesAsync(new ListLostTimesRequest { Booking = booking.Name }, cancellationToken: Cancel)).LostTimes.Take(2).Select(l => l.Name));
        Assert.Equal(1, (await Battlab.AsAsync(_lab.Lab.GrpcAddress, TestSeed.LabManager, "usage", "lost", booking.Name, "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T01:00:00Z", "--why", "x")).Exit);

        // Overlapping time counts once: two hours of eight were down, and are nobody's use.
        var share = await new SharingService.SharingServiceClient(_lab.Lab.As(TestSeed.DoctoralStudent)).ExplainShareAsync(new ExplainShareRequest(), cancellationToken: Cancel);
        Assert.InRange(share.Levels[^1].Hours, 5.8, 6.0);
        await CloseAsync();
        var row = Assert.Single(Rows(await GetAsync(_month), "usage.csv"));
        Assert.Equal(("8", "2", "0"), (row["booked_hours"], row["down_hours"], row["lost_hours"]));
    }

    [Fact]
    public async Task While_a_month_waits_to_be_told_the_economic_share_has_no_upper_bound()
    {
        for (var i = 0; i < 4; i++)
        {
            var wish = _lab.Wish(_first + i, 1);
            (wish.ActivityClass, wish.Visibility) = ("economic", new Visibility { Kind = VisibilityKind.Confidential });
            await _lab.CreateAsync(TestSeed.IndustryEngineer, wish);
        }
        await CloseAsync();
        var share = await Client().GetEconomicShareAsync(new GetEconomicShareRequest { Lab = TestSeed.Lab, Year = _month.Year }, cancellationToken: Cancel);
        Assert.Equal((0.0, false, false, EconomicShare.Types.Verdict.Undecided), (share.ShareAtLeast, share.HasShareAtMost, share.HasEconomicHoursAtMost, share.Verdict));
        Assert.Contains("took at least 0 % of", (await Battlab.AsAsync(_lab.Lab.GrpcAddress, TestSeed.Teacher, "usage", "economic", TestSeed.Lab, "--year", $"{_month.Year}")).Text);
    }

    [Fact]
    public async Task A_closed_month_never_changes_whoever_tries_and_missing_months_are_made_up_for()
    {
        for (var i = 0; i < 6; i++) await _lab.BookAsync(_first + i, 1);
        // Two servers of one PostgreSQL may close a month at once.
        await using (var other = await AgainAsync())
        {
            await CloseAsync(months: 3, other: dialect == "postgres" ? other : null);
        }
        var before = await GetAsync(_month);
        Assert.Equal(["capacity.csv", "dictionary.csv", "unmet.csv", "usage.csv"], before.Files.Select(f => f.Name));
        Assert.All(before.Files, f => Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(f.Text))), f.Sha256));
        var names = (await Client().ListUsageSnapshotsAsync(new ListUsageSnapshotsRequest(), cancellationToken: Cancel)).Snapshots.Select(s => s.Name).ToList();
        Assert.Equal(names.OrderDescending(), names);
        Assert.Equal(Enumerable.Range(0, 3).Select(i => Name(_month.PlusMonths(i))), names.AsEnumerable().Reverse());
        // Every column of every file has its meaning told.
        var told = Rows(before, "dictionary.csv").ToLookup(r => r["file"], r => r["column"]);
        Assert.All(before.Files.Where(f => f.Name != "dictionary.csv"), f => Assert.Equal(f.Text.Split("\r\n")[0].Split(','), told[f.Name].Where(c => c.Length > 0)));

        await _lab.ExecuteAsync("UPDATE bookings SET state = 6 WHERE state = 3");
        await using (var again = await AgainAsync()) await again.RunAsync();
        Assert.Equal(before, await GetAsync(_month));
        foreach (var sql in new[] { "UPDATE usage_snapshots SET sha256 = 'x'", "DELETE FROM usage_snapshots" })
            await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => _lab.ExecuteAsync(sql));
    }

    [Fact]
    public async Task The_cli_lists_and_saves_months_and_tells_the_economic_share()
    {
        for (var i = 0; i < 6; i++) await _lab.BookAsync(_first + i, 1);
        Task<Ran> Run(params string[] args) => Battlab.AsAsync(_lab.Lab.GrpcAddress, TestSeed.Coordinator, ["usage", .. args]);
        Assert.Contains("No month is closed yet.", (await Run("list")).Text);
        Assert.Contains($"has no closed month with capacity in {_month.Year}", (await Run("economic", TestSeed.Lab, "--year", $"{_month.Year}")).Text);
        await CloseAsync();
        using var folder = new TempFolder();
        var month = $"{_month.Year:D4}-{_month.Month:D2}";
        Assert.Contains($"usageSnapshots/{month}, closed", (await Run("list")).Text);
        Assert.Equal(0, (await Run("get", month, "--out", folder.Root)).Exit);
        Assert.StartsWith("month,since,visibility,lab", await File.ReadAllTextAsync(folder.File($"usage-{month}/usage.csv"), Cancel));
        Assert.Equal(1, (await Run("get", "1999-01", "--out", folder.Root)).Exit);
        Assert.Contains("economic activity took 0 % of", (await Run("economic", TestSeed.Lab, "--year", $"{_month.Year}")).Text);
    }

    private async Task CloseAsync(int months = 1, Again? other = null)
    {
        var end = Oslo.AtStartOfDay(_month.PlusMonths(months).OnDayOfMonth(1)).ToInstant() + Duration.FromDays(3.5);
        _time.Forward((end - _lab.Lab.Services.GetRequiredService<MachineClock>().Now).ToTimeSpan());
        await Task.WhenAll(SweepAsync(), other?.RunAsync() ?? Task.CompletedTask);
    }

    private Task SweepAsync() => _lab.Lab.Services.GetRequiredService<UsageSnapshots>().RunAsync(Cancel);

    // A server that starts on the same calendar knows nothing of what the first has closed.
    private async Task<Again> AgainAsync() => new(await BookingLab.StartAsync(
        dialect, o => o.Runs.SweepSeconds = 0, dataDirectory: _lab.Lab.Options.DataDirectory, connection: _lab.Lab.Options.PostgresConnection, time: _time));

    private sealed class Again(BookingLab lab) : IAsyncDisposable
    {
        internal Task RunAsync() => lab.Lab.Services.GetRequiredService<UsageSnapshots>().RunAsync(Cancel);

        public ValueTask DisposeAsync() => lab.DisposeAsync();
    }

    private Task RunAsync(string booking, string channel, double from, double to) => _lab.ExecuteAsync(
        "INSERT INTO runs (name, channel, rig, lab, agent, booking, lease, cell_test, holder, owner, visibility, state, created_us, start_us, end_us, procedure, procedure_sha256) " +
        "VALUES (@n, @c, @r, @l, @a, @b, '', '', 'persons/doctoral', 'organisations/university', @v, 'FINAL', @s, @s, @e, '', '')",
        ("n", $"runs/{Guid.NewGuid()}"), ("c", channel), ("r", channel[..channel.IndexOf("/channels", StringComparison.Ordinal)]), ("l", TestSeed.Lab), ("a", TestSeed.AgentName), ("b", booking),
        ("v", Array.Empty<byte>()), ("s", _lab.Micros(_first + from)), ("e", _lab.Micros(_first + to)));

    private Task IncidentAsync(string rig, double from, double to) => _lab.ExecuteAsync(
        "INSERT INTO incidents (name, source, lab, rig, channel, cause, detail, opened_by, opened_us, agent_utc_ns, released_us) VALUES (@n, @n, @l, @r, '', 'human_stop', '', 'persons/manager', @s, 0, @e)",
        ("n", $"incidents/{Guid.NewGuid()}"), ("l", TestSeed.Lab), ("r", rig), ("s", _lab.Micros(_first + from)), ("e", _lab.Micros(_first + to)));

    private UsageService.UsageServiceClient Client(string token = TestSeed.Coordinator) => new(_lab.Lab.As(token));

    private async Task<UsageSnapshot> GetAsync(YearMonth month) => await Client().GetUsageSnapshotAsync(new GetUsageSnapshotRequest { Name = Name(month) }, cancellationToken: Cancel);

    private static string Name(YearMonth month) => $"usageSnapshots/{month.Year:D4}-{month.Month:D2}";

    private static string Text(UsageSnapshot month, string file) => month.Files.Single(f => f.Name == file).Text;

    private static IReadOnlyList<Row> Rows(UsageSnapshot month, string file) => Csv.Read(Text(month, file));

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteUsageTests() : UsageContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresUsageTests() : UsageContract("postgres");

public sealed class CsvTests
{
    [Fact]
    public void What_is_written_is_read_back() => Gen.Select(Gen.Int[0, 3], Gen.OneOf(Gen.String, Gen.String[Gen.Char[",\"\r\n;ab"], 0, 8]).Array[3].Array[0, 6]).Sample((_, rows) =>
        Assert.Equal(rows.SelectMany(r => r), Csv.Read(Csv.Write(["a", "b", "c"], rows)).SelectMany(r => new[] { r["a"], r["b"], r["c"] })));
}
