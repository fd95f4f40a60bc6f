using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using CsCheck;
using Grpc.Core;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Feeds;

/// <summary>Closures from iCalendar files, as an institution's calendar exports them.</summary>
public abstract class ClosureImportContract(BookingLabFixture fixture)
{
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whole_days_close_the_lab_on_its_own_wall_clock_and_may_be_replaced_and_taken_back()
    {
        var day = _lab.Hour0.InZone(DateTimeZoneProviders.Tzdb["Europe/Oslo"]).Date.PlusDays(5);
        var before = await _lab.BookAsync(Hour(day.PlusDays(1)) + 10, 1);
        var done = await ImportAsync(File(Event("u-1", $"DTSTART;VALUE=DATE:{day:uuuuMMdd}", $"DTEND;VALUE=DATE:{day.PlusDays(3):uuuuMMdd}", "SUMMARY:Winter break\\, all of it")));
        Assert.Equal((1, 0, 1), (done.Imported, done.Removed, done.BookingsAffected));
        Assert.Equal(BookingState.Confirmed, (await _lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = before.Name }, cancellationToken: Cancel)).State);

        foreach (var closed in new[] { Hour(day) + 0.1, Hour(day.PlusDays(2)) + 23 })
            Assert.Contains("Winter break, all of it", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(closed, 0.5, TestSeed.CyclerChannel(1)))).Message);
        await _lab.BookAsync(Hour(day.PlusDays(3)) + 0.1, 0.5, TestSeed.CyclerChannel(1));

        // The same UID again moves it; what it left is open.
        await ImportAsync(File(Event("u-1", $"DTSTART;VALUE=DATE:{day:uuuuMMdd}", "SUMMARY:One day")));
        await _lab.BookAsync(Hour(day.PlusDays(2)) + 23, 0.5, TestSeed.CyclerChannel(1));
        await BookingLab.ViolationsAsync(() => _lab.BookAsync(Hour(day) + 0.1, 0.5, TestSeed.CyclerChannel(1)));
        var shown = await new HttpClient().GetStringAsync((await new FeedService.FeedServiceClient(_lab.Lab.As(TestSeed.Teacher)).CreateFeedAsync(new CreateFeedRequest { Of = TestSeed.Lab }, cancellationToken: Cancel)).Url, Cancel);
        Assert.Contains("SUMMARY:Closed: One day", shown);

        var removed = await ImportAsync(File(Event("u-1", $"DTSTART;VALUE=DATE:{day:uuuuMMdd}", "STATUS:CANCELLED")));
        Assert.Equal((0, 1), (removed.Imported, removed.Removed));
        await _lab.BookAsync(Hour(day) + 0.1, 0.5, TestSeed.CyclerChannel(1));
    }

    [Fact]
    public async Task Every_mistake_of_a_file_is_named_with_its_event_and_nothing_is_kept()
    {
        var ics = File(
            Event("ok", "DTSTART;VALUE=DATE:20270105", "SUMMARY:fine"),
            Event("timed", "DTSTART:20270105T080000Z", "DTEND:20270105T100000Z", "SUMMARY:A meeting"),
            Event("recurs", "DTSTART;VALUE=DATE:20270105", "RRULE:FREQ=SECONDLY", "SUMMARY:Again and again"),
            Event("backwards", "DTSTART;VALUE=DATE:20270105", "DTEND;VALUE=DATE:20270105", "SUMMARY:Nothing"),
            Event("", "DTSTART;VALUE=DATE:20270105", "SUMMARY:No uid"),
            Event("silent", "DTSTART;VALUE=DATE:20270105"),
            Event("broken", "DTSTART;VALUE=DATE:20271305", "SUMMARY:Month 13"),
            Event("far", "DTSTART;VALUE=DATE:20990105", "SUMMARY:Far"),
            Event("long", "DTSTART;VALUE=DATE:20270105", "DURATION:P500D", "SUMMARY:Long"),
            Event("ok", "DTSTART;VALUE=DATE:20270107", "SUMMARY:twin"));
        var error = await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ImportAsync(ics));
        var bad = error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => $"{v.Field} {v.Description}").ToList();
        foreach (var (at, what) in new[] { (2, "time of day"), (3, "recurs (RRULE)"), (4, "ends before it starts"), (5, "no UID"), (6, "no SUMMARY"), (7, "cannot be read"), (8, "ten years ahead"), (9, "500 days") })
            Assert.Contains(bad, b => b.StartsWith($"ics.event[{at}] ", StringComparison.Ordinal) && b.Contains(what, StringComparison.Ordinal));
        Assert.Contains(bad, b => b.Contains("'ok' more than once", StringComparison.Ordinal));
        Assert.Equal(9, bad.Count);
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM imported_closures WHERE uid = 'ok'"));
    }

    [Fact]
    public async Task What_is_no_file_of_closures_is_refused_at_once()
    {
        foreach (var ics in new[]
        {
            "", "nonsense", "BEGIN:VCALENDAR\r\nEND:VCALENDAR", File(Event("a", "DTSTART;VALUE=DATE:20270105", "SUMMARY:x")) + File(), new string('x', 300_000),
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n", File([.. Enumerable.Range(0, 501).Select(i => Event($"u{i}", "DTSTART;VALUE=DATE:20270105", "SUMMARY:x"))]),
            string.Concat(Enumerable.Repeat("BEGIN:VCALENDAR\n", 15_000)), "BEGIN:VCALENDAR\n" + string.Concat(Enumerable.Repeat("BEGIN:VEVENT\n", 15_000)) + string.Concat(Enumerable.Repeat("END:VEVENT\n", 5_000)),
        })
            await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ImportAsync(ics));
        var many = File([.. Enumerable.Range(0, 100).Select(i => Event($"u{i}", "SUMMARY:x"))]);
        var told = (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ImportAsync(many))).GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!;
        Assert.Equal(41, told.FieldViolations.Count);
        Assert.Contains("60 mistakes more", told.FieldViolations[^1].Description);
    }

    [Fact]
    public async Task Only_a_manager_of_the_lab_imports_and_a_check_keeps_nothing()
    {
        var ics = File(Event("check", "DTSTART;VALUE=DATE:20270105", "SUMMARY:x", "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT1H\r\nEND:VALARM"));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ImportAsync(ics, TestSeed.LabManager, TestSeed.OtherLab));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ImportAsync(ics, TestSeed.Teacher));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => ImportAsync(ics, TestSeed.LabManager, "labs/none"));
        Assert.Equal(1, (await ImportAsync(ics, validateOnly: true)).Imported);
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM imported_closures WHERE uid = 'check'"));
    }

    [Fact]
    public async Task The_cli_makes_lists_and_revokes_feeds_and_imports_a_file()
    {
        using var folder = new TempFolder();
        var path = folder.File("closed.ics");
        await System.IO.File.WriteAllTextAsync(path, File(Event("cli", "DTSTART;VALUE=DATE:20280105", "SUMMARY:x")), Cancel);
        Task<Ran> Run(string token, params string[] args) => Battlab.AsAsync(_lab.Lab.GrpcAddress, token, args);

        var made = await Run(TestSeed.Teacher, "feed", "create", TestSeed.EbcRig, "--json");
        var (name, url) = (made.Json.GetProperty("name").GetString()!, made.Json.GetProperty("url").GetString()!);
        using var http = new HttpClient();
        Assert.StartsWith("BEGIN:VCALENDAR", await http.GetStringAsync(url, Cancel));
        Assert.Contains($"{name}: {TestSeed.EbcRig}", (await Run(TestSeed.Teacher, "feed", "list")).Text);
        Assert.Contains("is revoked", (await Run(TestSeed.Teacher, "feed", "revoke", name)).Text);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await http.GetAsync(url, Cancel)).StatusCode);
        Assert.Contains("Would be: 1 closure imported, 0 removed; 0 bookings on those days.", (await Run(TestSeed.LabManager, "feed", "import", TestSeed.Lab, path, "--check")).Text);
        Assert.Equal(1, (await Run(TestSeed.Teacher, "feed", "import", TestSeed.Lab, path)).Exit);
        Assert.Equal(2, (await Run(TestSeed.LabManager, "feed", "import", TestSeed.Lab, path + ".none")).Exit);
    }

    private double Hour(LocalDate day) => (day.AtStartOfDayInZone(DateTimeZoneProviders.Tzdb["Europe/Oslo"]).ToInstant() - _lab.Hour0).TotalHours;

    private async Task<ImportClosuresResponse> ImportAsync(string ics, string token = TestSeed.LabManager, string lab = TestSeed.Lab, bool validateOnly = false) =>
        await new FeedService.FeedServiceClient(_lab.Lab.As(token)).ImportClosuresAsync(new ImportClosuresRequest { Lab = lab, Ics = ics, ValidateOnly = validateOnly }, cancellationToken: Cancel);

    internal static string File(params string[] events) => $"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{string.Concat(events)}END:VCALENDAR\r\n";

    internal static string Event(string uid, params string[] lines) => $"BEGIN:VEVENT\r\n{(uid.Length > 0 ? $"UID:{uid}\r\n" : "")}DTSTAMP:20261101T000000Z\r\n{string.Concat(lines.Select(l => l + "\r\n"))}END:VEVENT\r\n";
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteClosureImportTests(SqliteLab lab) : ClosureImportContract(lab), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresClosureImportTests(PostgresLab lab) : ClosureImportContract(lab), IClassFixture<PostgresLab>;

/// <summary>The reader alone.</summary>
public sealed class ClosureFileTests
{
    [Fact]
    public void A_folded_line_is_one_line_whatever_its_rest_looks_like()
    {
        var checks = new BattKomp.Lab.Server.Platform.Errors.FieldChecks();
        var file = ClosureImportContract.File(ClosureImportContract.Event("a", "DTSTART;VALUE=DATE:20270105", "SUMMARY:Closed after", " END:VEVENT", "DESCRIPTION:x", "\tBEGIN:VEVENT"));
        var read = Assert.Single(BattKomp.Lab.Server.Features.Feeds.ClosureFile.Read(file, new LocalDate(2026, 11, 24), checks));
        Assert.Equal(("Closed afterEND:VEVENT", true), (read.Why, checks.Ok));
    }

    [Fact]
    public void No_text_makes_the_reader_throw()
    {
        var file = ClosureImportContract.File(
            ClosureImportContract.Event("a", "DTSTART;VALUE=DATE:20270105", "DTEND;VALUE=DATE:20270107", "SUMMARY:One"),
            ClosureImportContract.Event("b", "DTSTART;VALUE=DATE:20270105", "DURATION:P2D", "SUMMARY:Two\\, three"));
        string[] pieces = [":", ";", "=", "\r\n", "\r\n ", "\"", "\0", "9999999999", "-P1D", "BEGIN:VEVENT\r\n", "END:VEVENT\r\n", "RRULE:FREQ=X\r\n", "æ"];
        var change = Gen.Select(Gen.Int[0, file.Length - 1], Gen.Int[0, 20], Gen.Int[0, pieces.Length - 1].Select(i => pieces[i]));
        change.List[1, 6].Sample(changes =>
        {
            var text = file;
            foreach (var (at, cut, put) in changes)
            {
                var from = Math.Min(at, text.Length);
                text = text.Remove(from, Math.Min(cut, text.Length - from)).Insert(from, put);
            }
            var checks = new BattKomp.Lab.Server.Platform.Errors.FieldChecks();
            var read = BattKomp.Lab.Server.Features.Feeds.ClosureFile.Read(text, new LocalDate(2026, 11, 24), checks);
            Assert.All(read.Where(c => checks.Ok && !c.Removed), c => Assert.True(c.First <= c.Last && c.Why.Length > 0 && c.Uid.Length > 0));
        }, iter: 2000, threads: 1);
    }
}

/// <summary>Folding alone.</summary>
public sealed class IcsLinesTests
{
    [Fact]
    public void Lines_are_cut_between_characters_at_75_octets_and_unfold_to_what_they_were() =>
        Gen.OneOf(Gen.Char['a', 'z'].Select(c => c.ToString()), Gen.OneOf(Gen.Const("æ"), Gen.Const("€"), Gen.Const("🔋"), Gen.Const("\r\n"))).Array[0, 400].Select(string.Concat).Sample(text =>
        {
            // As the library folds: by UTF-16 units, through whatever stands there.
            var halved = string.Join("\r\n", text.Split("\r\n").Select(line => string.Join("\r\n ", line.Chunk(66).Select(c => new string(c)).DefaultIfEmpty(""))));
            var folded = BattKomp.Lab.Server.Features.Feeds.IcsLines.Refold(halved);
            Assert.Equal(text, folded.Replace("\r\n ", ""));
            Assert.All(folded.Split("\r\n"), line => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(line), 0, 75));
            Assert.Equal(folded, new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetString(System.Text.Encoding.UTF8.GetBytes(folded)));
        });
}
