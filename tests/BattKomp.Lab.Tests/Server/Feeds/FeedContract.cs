using System.Net;
using System.Text;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Ical.Net.CalendarComponents;
using Ical.Net.DataTypes;
using Xunit;
using Calendar = Ical.Net.Calendar;

namespace BattKomp.Lab.Tests.Server.Feeds;

/// <summary>Feeds as a calendar program reads them, over HTTP, without signing in.</summary>
public abstract class FeedContract(BookingLabFixture fixture)
{
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_feed_shows_ones_own_bookings_in_utc_and_what_became_of_them()
    {
        var title = "Rørcelle; måling, del 1 — " + new string('å', 60) + string.Concat(Enumerable.Repeat("🔋", 30));
        var wish = _lab.Wish(1, 2);
        wish.Title = title;
        var kept = await _lab.CreateAsync(TestSeed.DoctoralStudent, wish);
        var given = await _lab.BookAsync(5, 1);
        await _lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = given.Name }, cancellationToken: Cancel);
        var others = await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(8, 1));

        var text = await ReadAsync(await FeedAsync(TestSeed.DoctoralStudent, ""));

        var (one, cancelled) = (EventOf(text, kept.Name), EventOf(text, given.Name));
        Assert.Equal((title, "CONFIRMED", 0), (one.Summary, one.Status, one.Sequence));
        Assert.Equal((kept.Window.Start.ToDateTime(), kept.Window.End.ToDateTime()), (one.DtStart!.AsUtc, one.DtEnd!.AsUtc));
        Assert.Contains($"DTSTART:{kept.Window.Start.ToDateTime():yyyyMMdd'T'HHmmss}Z", text);
        Assert.Equal(("CANCELLED", 1, "TRANSPARENT"), (cancelled.Status, cancelled.Sequence, cancelled.Transparency));
        Assert.DoesNotContain(Id(others.Name), text);
        Assert.All(text.Split("\r\n"), line => Assert.True(Encoding.UTF8.GetByteCount(line) <= 75, line));
    }

    [Fact]
    public async Task No_text_breaks_out_of_its_event()
    {
        string[] titles = ["END:VEVENT", "\"q\";,\\n \\", " lead and trail ", "x\u2028y", "p" + string.Concat(Enumerable.Repeat("🔋", 60))];
        const string why = "a\r\nEND:VEVENT\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\u0007";
        await _lab.As(TestSeed.LabManager).CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.EbcChannel }, Window = _lab.Window(20, 1), Why = why } }, cancellationToken: Cancel);
        foreach (var (title, i) in titles.Select((t, i) => (t, i)))
        {
            var wish = _lab.Wish(1 + i, 1);
            wish.Title = title;
            await _lab.CreateAsync(TestSeed.DoctoralStudent, wish);
        }
        var events = Calendar.Load(await ReadAsync(await FeedAsync(TestSeed.DoctoralStudent, TestSeed.EbcRig)))!.Events.Where(e => e.DtStart!.AsUtc >= _lab.Window(1, 1).Start.ToDateTime()).OrderBy(e => e.DtStart!.AsUtc);
        Assert.Equal([.. titles, "Out of use: a\nEND:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR"], events.Take(titles.Length + 1).Select(e => e.Summary));
    }

    [Fact]
    public async Task A_hold_is_tentative_and_a_changed_booking_is_told_by_its_successor_only()
    {
        var hold = await _lab.As(TestSeed.DoctoralStudent).CreateBookingAsync(new CreateBookingRequest { Booking = _lab.Wish(1, 1), HoldMinutes = 30 }, cancellationToken: Cancel);
        var first = await _lab.BookAsync(3, 1);
        var change = new ChangeBookingRequest { Name = first.Name, Booking = new Booking { Window = _lab.Window(3, 2) }, UpdateMask = new() { Paths = { "window" } } };
        var second = await _lab.As(TestSeed.DoctoralStudent).ChangeBookingAsync(change, cancellationToken: Cancel);

        var text = await ReadAsync(await FeedAsync(TestSeed.DoctoralStudent, TestSeed.EbcRig));

        Assert.Equal("TENTATIVE", EventOf(text, hold.Name).Status);
        Assert.Equal(second.Window.End.ToDateTime(), EventOf(text, second.Name).DtEnd!.AsUtc);
        Assert.DoesNotContain(Id(first.Name), text);
    }

    [Fact]
    public async Task A_rig_and_a_lab_show_bookings_and_outages_of_their_channels_only()
    {
        var here = await _lab.BookAsync(1, 1, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2));
        var elsewhere = await _lab.BookAsync(1, 1, TestSeed.EbcChannel);
        var outage = await _lab.As(TestSeed.LabManager).CreateOutageAsync(
            new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.CyclerChannel(4) }, Window = _lab.Window(1, 1), Why = "calibration of channel 4" } }, cancellationToken: Cancel);

        var channel = await ReadAsync(await FeedAsync(TestSeed.Teacher, TestSeed.CyclerChannel(2)));
        var rig = await ReadAsync(await FeedAsync(TestSeed.Teacher, TestSeed.CyclerRig));
        var lab = await ReadAsync(await FeedAsync(TestSeed.Teacher, TestSeed.Lab));
        var other = await ReadAsync(await FeedAsync(TestSeed.Teacher, TestSeed.OtherLab));

        Assert.Equal("A cell", EventOf(channel, here.Name).Summary);
        Assert.DoesNotContain(Id(outage.Name), channel);
        Assert.Equal("Out of use: calibration of channel 4", EventOf(rig, outage.Name).Summary);
        Assert.DoesNotContain(Id(elsewhere.Name), rig);
        Assert.All(new[] { here.Name, elsewhere.Name, outage.Name }, name => Assert.NotNull(EventOf(lab, name)));
        Assert.Empty(Calendar.Load(other)!.Events);
    }

    [Fact]
    public async Task Canary_a_confidential_booking_shows_an_outsider_that_time_is_taken_and_not_one_thing_more()
    {
        var wish = _lab.Wish(1, 1);
        (wish.Title, wish.Project, wish.Module, wish.Cohort, wish.Allocation) = ("canary-title", "canary-project", "canary-module", "canary-cohort", "canary-allocation");
        (wish.Purpose, wish.ActivityClass, wish.Headcount) = ("service", "economic", 7);
        wish.Stages.Add("recycling");
        wish.Visibility = new Visibility { Kind = VisibilityKind.Confidential };
        var hidden = await _lab.CreateAsync(TestSeed.IndustryEngineer, wish);
        var gone = wish.Clone();
        gone.Window = _lab.Window(4, 1);
        var given = await _lab.CreateAsync(TestSeed.IndustryEngineer, gone);
        await _lab.As(TestSeed.IndustryEngineer).CancelBookingAsync(new CancelBookingRequest { Name = given.Name, Reason = "canary-reason" }, cancellationToken: Cancel);
        string[] markers = ["canary", Id(hidden.Name), Id(given.Name), "engineer", "company", "economic", "Economic", "customer", "recycling", "Persons"];

        foreach (var (outsider, of) in new[] { (TestSeed.Teacher, TestSeed.EbcRig), (TestSeed.Coordinator, TestSeed.EbcChannel), (TestSeed.DoctoralStudent, TestSeed.EbcChannel) })
        {
            var text = await ReadAsync(await FeedAsync(outsider, of));
            var busy = Assert.Single(Calendar.Load(text)!.Events, e => e.DtStart!.AsUtc == hidden.Window.Start.ToDateTime());
            Assert.Equal(("Busy", null, null), (busy.Summary, busy.Status, busy.Description));
            Assert.StartsWith("busy-", busy.Uid);
            Assert.False(busy.Properties.ContainsKey("SEQUENCE"));
            Assert.DoesNotContain(Calendar.Load(text)!.Events, e => e.DtStart!.AsUtc == given.Window.Start.ToDateTime());
            var said = Raw(busy);
            foreach (var marker in markers) Assert.DoesNotContain(marker, said, StringComparison.Ordinal);
            foreach (var marker in markers[..3]) Assert.DoesNotContain(marker, Unfolded(text), StringComparison.Ordinal);
        }

        var staff = EventOf(await ReadAsync(await FeedAsync(TestSeed.LabManager, TestSeed.Lab)), hidden.Name);
        Assert.Equal("Confidential booking", staff.Summary);
        Assert.Contains("Persons: 7", staff.Description);
        foreach (var marker in new[] { "canary", "engineer", "company", "conomic", "recycling", "customer" }) Assert.DoesNotContain(marker, Raw(staff), StringComparison.Ordinal);
        Assert.Equal("canary-title", EventOf(await ReadAsync(await FeedAsync(TestSeed.IndustryEngineer, TestSeed.Lab)), hidden.Name).Summary);
    }

    [Fact]
    public async Task A_hidden_booking_keeps_its_id_in_a_feed_and_has_another_in_every_other_feed()
    {
        var wish = _lab.Wish(1, 1);
        wish.Visibility = new Visibility { Kind = VisibilityKind.Confidential };
        var hidden = await _lab.CreateAsync(TestSeed.IndustryEngineer, wish);
        var (mine, again) = (await FeedAsync(TestSeed.Teacher, TestSeed.EbcRig), await FeedAsync(TestSeed.Teacher, TestSeed.EbcRig));
        string UidIn(string text) => Assert.Single(Calendar.Load(text)!.Events, e => e.DtStart!.AsUtc == hidden.Window.Start.ToDateTime()).Uid!;
        Assert.Equal(UidIn(await ReadAsync(mine)), UidIn(await ReadAsync(mine)));
        Assert.NotEqual(UidIn(await ReadAsync(mine)), UidIn(await ReadAsync(again)));
    }

    [Fact]
    public async Task Revoked_unknown_and_malformed_addresses_are_answered_alike()
    {
        var feed = await FeedAsync(TestSeed.Teacher, "");
        await ReadAsync(feed);
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await Client(TestSeed.DoctoralStudent).RevokeFeedAsync(new RevokeFeedRequest { Name = feed.Name }, cancellationToken: Cancel));
        await ReadAsync(feed);
        for (var twice = 0; twice < 2; twice++)
            Assert.NotNull((await Client(TestSeed.Teacher).RevokeFeedAsync(new RevokeFeedRequest { Name = feed.Name }, cancellationToken: Cancel)).RevokeTime);
        Assert.DoesNotContain((await Client(TestSeed.Teacher).ListFeedsAsync(new ListFeedsRequest(), cancellationToken: Cancel)).Feeds, f => f.Name == feed.Name);

        using var http = _lab.Lab.HttpAs("");
        var answers = new List<string>();
        foreach (var address in new[] { feed.Url, $"/feeds/{new string('A', 43)}.ics", "/feeds/x.ics", "/feeds/%27--.ics", $"/feeds/{new string('b', 4000)}.ics" })
        {
            using var answer = await http.GetAsync(address, Cancel);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            answers.Add($"{await answer.Content.ReadAsStringAsync(Cancel)}|{string.Join(',', answer.Headers.Concat(answer.Content.Headers).Where(h => h.Key != "Date"))}");
        }
        Assert.Single(answers.Distinct());
    }

    [Fact]
    public async Task Only_a_hash_of_the_token_is_kept_and_the_address_is_told_once()
    {
        var feed = await FeedAsync(TestSeed.Teacher, TestSeed.EbcRig);
        var token = feed.Url.Split('/')[^1][..^4];
        Assert.Equal(43, token.Length);
        var listed = Assert.Single((await Client(TestSeed.Teacher).ListFeedsAsync(new ListFeedsRequest(), cancellationToken: Cancel)).Feeds, f => f.Name == feed.Name);
        Assert.Equal((TestSeed.EbcRig, ""), (listed.Of, listed.Url));
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM feeds WHERE token_sha256 = @t OR name LIKE '%' || @t || '%'", ("t", token)));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM feeds WHERE token_sha256 = @t", ("t", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(token))))));
    }

    [Fact]
    public async Task A_feed_that_has_not_changed_is_told_so_and_ends_with_its_owners_last_role()
    {
        var feed = await FeedAsync(TestSeed.CourseOwner, TestSeed.CyclerRig);
        using var http = _lab.Lab.HttpAs("");
        using var first = await http.GetAsync(feed.Url, Cancel);
        Assert.Equal("text/calendar; charset=utf-8", first.Content.Headers.ContentType!.ToString());
        Assert.True(first.Headers.CacheControl is { Private: true, NoCache: true });
        using var conditional = new HttpRequestMessage(HttpMethod.Get, feed.Url) { Headers = { { "If-None-Match", first.Headers.ETag!.ToString() } } };
        using var second = await http.SendAsync(conditional, Cancel);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        await _lab.ExecuteAsync("UPDATE affiliations SET until_us = 1 WHERE person = 'persons/course-owner'");
        using var after = await http.GetAsync(feed.Url, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, after.StatusCode);
        await _lab.ExecuteAsync("UPDATE affiliations SET until_us = NULL WHERE person = 'persons/course-owner'");
        Assert.NotEmpty(await ReadAsync(feed));
    }

    [Fact]
    public async Task A_feed_of_another_person_or_of_nothing_is_refused_and_so_is_the_fifty_first()
    {
        foreach (var of in new[] { "persons/teacher", "rigs/none", "labs/none", "nonsense" })
            await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => FeedAsync(TestSeed.Coordinator, of));
        var made = new List<Feed>();
        for (var i = (await Client(TestSeed.Coordinator).ListFeedsAsync(new ListFeedsRequest(), cancellationToken: Cancel)).Feeds.Count; i < 50; i++) made.Add(await FeedAsync(TestSeed.Coordinator, ""));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => FeedAsync(TestSeed.Coordinator, ""));
        foreach (var feed in made) await Client(TestSeed.Coordinator).RevokeFeedAsync(new RevokeFeedRequest { Name = feed.Name }, cancellationToken: Cancel);
        Assert.NotEmpty((await FeedAsync(TestSeed.Coordinator, "")).Url);
    }

    [Fact]
    public async Task What_lies_outside_the_window_is_not_in_a_feed()
    {
        var now = BattKomp.Lab.Server.Platform.Micros.FromInstant(NodaTime.Instant.FromDateTimeOffset(TimeProvider.System.GetUtcNow()));
        const long day = 86_400_000_000;
        var made = await _lab.BookAsync(1, 1);
        foreach (var (days, shown) in new[] { (-31L, false), (-29, true), (399, true), (401, false) })
        {
            await _lab.ExecuteAsync("UPDATE bookings SET start_us = @s, end_us = @e WHERE name = @n", ("s", now + days * day), ("e", now + days * day + 60_000_000), ("n", made.Name));
            Assert.Equal(shown, (await ReadAsync(await FeedAsync(TestSeed.DoctoralStudent, ""))).Contains(Id(made.Name), StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_feed_with_too_much_in_it_says_until_when_it_is_whole()
    {
        var made = await _lab.BookAsync(1, 1, TestSeed.CyclerChannel(3));
        await _lab.ExecuteAsync(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5001) " +
            "INSERT INTO bookings (name, state, start_us, end_us, holder, organisation, version, created_us, changed_us, predecessor, successor, state_reason, doc) " +
            "SELECT 'bookings/copy-' || i, 6, start_us + CAST(1000000 AS BIGINT) * i, end_us + CAST(1000000 AS BIGINT) * i, 'persons/many', organisation, 1, created_us, changed_us, '', '', '', doc FROM bookings, n WHERE name = @n", ("n", made.Name));
        await _lab.ExecuteAsync("INSERT INTO affiliations (name, person, organisation, role, lab, from_us, sponsor) VALUES ('affiliations/many', 'persons/many', 'organisations/university', 'researcher', '', 0, '')");
        await _lab.ExecuteAsync("INSERT INTO tokens (token_sha256, subject, created_us) VALUES (@h, 'persons/many', 0)",
            ("h", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes("token-many")))));
        var text = await ReadAsync(await FeedAsync("token-many", ""));
        Assert.Equal(5000, text.Split("BEGIN:VEVENT").Length - 1);
        Assert.Contains("X-WR-CALDESC:Too much for one feed: bookings that start after", text);
        await _lab.ExecuteAsync("DELETE FROM bookings WHERE holder = 'persons/many'");
    }

    private FeedService.FeedServiceClient Client(string token) => new(_lab.Lab.As(token));

    private async Task<Feed> FeedAsync(string token, string of) => await Client(token).CreateFeedAsync(new CreateFeedRequest { Of = of }, cancellationToken: Cancel);

    private async Task<string> ReadAsync(Feed feed)
    {
        using var http = _lab.Lab.HttpAs("");
        return await http.GetStringAsync(feed.Url, Cancel);
    }

    private static string Id(string name) => name.Split('/')[^1];

    private static string Unfolded(string text) => text.Replace("\r\n ", "", StringComparison.Ordinal);

    private static string Raw(CalendarEvent one) => string.Join('\n', one.Properties.Select(p => $"{p.Name}:{p.Value}"));

    private static CalendarEvent EventOf(string text, string name) => Assert.Single(Calendar.Load(text)!.Events, e => e.Uid!.StartsWith(Id(name) + "@", StringComparison.Ordinal));
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteFeedTests(SqliteLab lab) : FeedContract(lab), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresFeedTests(PostgresLab lab) : FeedContract(lab), IClassFixture<PostgresLab>;
