using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Notices;

/// <summary>Who is told what, once, and by mail as well; the same on either database.</summary>
public abstract class NoticeContract(string dialect) : IAsyncLifetime
{
    private NoticeLab _all = null!;
    private BookingLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = (_all = await NoticeLab.StartAsync(dialect)).Lab;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _all.DisposeAsync();
    }

    [Fact]
    public async Task What_the_lab_does_to_a_booking_is_told_to_its_holder_at_all_addresses_and_what_the_holder_does_is_not()
    {
        var own = await _lab.BookAsync(20, 1);
        await CancelAsync(TestSeed.DoctoralStudent, own.Name, "");
        var made = await _lab.BookAsync(30, 2);
        await CancelAsync(TestSeed.LabManager, made.Name, "fire drill {0} <b>\r\nBcc: x@example.no");
        var told = Assert.Single(await _all.ToldAsync(TestSeed.DoctoralStudent));
        Assert.Equal(("cancelled", made.Name, "Your booking was cancelled by the lab"), (told.Kind, told.Subject, told.Title));
        var mail = Assert.Single(await _all.MailsAsync());
        Assert.Equal(["doctoral@work.example.no", "doctoral@home.example.no"], Assert.Single(_all.Smtp.Mails).To);
        Assert.Equal("[BattKomp.Lab] Your booking was cancelled by the lab", mail.Subject);
        Assert.Equal($"{told.Name.Split('/')[1]}@lab.example.no", mail.MessageId);
        Assert.Equal("auto-generated", mail.Headers["Auto-Submitted"]);
        Assert.Empty(mail.Bcc);
        Assert.Contains("Reason: fire drill {0} <b>", mail.TextBody);
        Assert.Contains("(Europe/Oslo)", mail.TextBody);
        Assert.DoesNotContain(made.Title, mail.TextBody);
        Assert.Single(await _all.MailsAsync());
        told = Assert.Single(await _all.ToldAsync(TestSeed.DoctoralStudent));
        Assert.NotNull(told.MailTime);
    }

    [Fact]
    public async Task Owners_are_asked_holders_get_the_answer_and_a_silent_owner_is_gone_past_once()
    {
        var asked = await _lab.BookAsync(300, 1, TestSeed.GuardedChannel);
        Assert.Equal(asked.Name, Assert.Single(await _all.ToldAsync(TestSeed.LabManager), n => n.Kind == "approval-asked").Subject);
        await _lab.As(TestSeed.LabManager).ApproveBookingAsync(new ApproveBookingRequest { Name = asked.Name }, cancellationToken: Cancel);
        Assert.Equal("approved", Assert.Single(await _all.ToldAsync(TestSeed.DoctoralStudent)).Kind);
        var declined = await _lab.BookAsync(310, 1, TestSeed.GuardedChannel);
        await _lab.As(TestSeed.LabManager).DeclineBookingAsync(new DeclineBookingRequest { Name = declined.Name, Reason = "no cover" }, cancellationToken: Cancel);
        Assert.Contains("declined: no cover", (await _all.ToldAsync(TestSeed.DoctoralStudent))[0].Text);
        var silent = await _lab.BookAsync(320, 1, TestSeed.GuardedChannel);
        await _all.SweepAsync("outbox");
        Assert.Empty(await _all.ToldAsync(TestSeed.Coordinator));
        _all.Time.Forward(TimeSpan.FromDays(3.6));
        await _all.SweepAsync("outbox");
        await _all.SweepAsync("outbox");
        Assert.Equal(silent.Name, Assert.Single(await _all.ToldAsync(TestSeed.Coordinator)).Subject);
        _all.Time.Forward(TimeSpan.FromDays(4));
        await _all.SweepAsync("hold-expiry");
        Assert.Equal("approval-expired", (await _all.ToldAsync(TestSeed.DoctoralStudent))[0].Kind);
    }

    [Fact]
    public async Task Scenario_29_the_mail_of_an_offer_goes_to_whom_it_is_made_and_the_next_mail_to_the_next()
    {
        var made = await _lab.BookAsync(30, 2);
        foreach (var token in new[] { TestSeed.Teacher, TestSeed.IndustryEngineer })
            await new WaitService.WaitServiceClient(_lab.Lab.As(token)).JoinWaitListAsync(
                new JoinWaitListRequest { Search = new SearchAvailabilityRequest { LengthMinutes = 120, Place = TestSeed.EbcRig, Within = _lab.Window(30, 0.25), ActivityClass = "research" }, Booking = Without(_lab.Wish(0, 1)) }, cancellationToken: Cancel);
        await CancelAsync(TestSeed.DoctoralStudent, made.Name, "");
        await _all.SweepAsync("wait-offers");
        var first = Assert.Single(await _all.MailsAsync());
        _all.Time.Forward(TimeSpan.FromHours(3.2));
        await _all.SweepAsync("hold-expiry");
        await _all.SweepAsync("wait-offers");
        var mails = await _all.MailsAsync();
        var offers = mails.Where(m => m.Subject!.Contains("is free", StringComparison.Ordinal)).Select(m => m.To.Mailboxes.First().Address).ToList();
        Assert.Equal(["engineer@work.example.no", "teacher@work.example.no"], offers.Order());
        Assert.Contains("is held for you until", first.TextBody);
        // The first is also told that the hold ran out.
        Assert.Equal(first.To.Mailboxes.First().Address, Assert.Single(mails, m => m.Subject!.Contains("has run out", StringComparison.Ordinal)).To.Mailboxes.First().Address);
    }

    [Theory]
    [InlineData(60, 30, true)]
    [InlineData(15, 60, true)]
    [InlineData(14, 30, false)]
    [InlineData(60, 90, false)]
    public async Task Scenario_31_who_comes_next_within_the_hour_is_told_that_a_quarter_or_more_came_free(int freedMinutes, int afterMinutes, bool told)
    {
        var made = await _lab.BookAsync(3, 3);
        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(6 + (afterMinutes / 60.0), 1));
        await _lab.CreateAsync(TestSeed.CourseOwner, _lab.Wish(8.5, 1));
        await ToAsync(3);
        await _lab.As(TestSeed.DoctoralStudent).CheckInAsync(new CheckInRequest { Name = made.Name }, cancellationToken: Cancel);
        // A moment before: the clock runs on while the call is made.
        await ToAsync(6 - (freedMinutes / 60.0) - 0.002);
        await _lab.As(TestSeed.DoctoralStudent).ReleaseBookingAsync(new ReleaseBookingRequest { Name = made.Name }, cancellationToken: Cancel);
        Assert.Equal(told ? 1 : 0, (await _all.ToldAsync(TestSeed.Teacher)).Count(n => n.Kind == "freed"));
        Assert.Empty(await _all.ToldAsync(TestSeed.CourseOwner));
    }

    [Fact]
    public async Task Scenario_33_a_closure_is_told_a_week_before_to_whom_it_concerns_and_the_last_one_to_the_manager_once()
    {
        var zone = NodaTime.DateTimeZoneProviders.Tzdb["Europe/Oslo"];
        var day = _lab.Hour0.InZone(zone).Date.PlusDays(20);
        await new FeedService.FeedServiceClient(_lab.Lab.As(TestSeed.LabManager)).ImportClosuresAsync(new ImportClosuresRequest
        {
            Lab = TestSeed.Lab,
            Ics = Feeds.ClosureImportContract.File(Feeds.ClosureImportContract.Event("u1", $"DTSTART;VALUE=DATE:{day:uuuuMMdd}", $"DTEND;VALUE=DATE:{day.PlusDays(2):uuuuMMdd}", "SUMMARY:Stocktaking")),
        }, cancellationToken: Cancel);
        // The lab manager may book in it all the same.
        var start = (zone.AtStartOfDay(day).ToInstant() - _lab.Hour0).TotalHours;
        var wish = _lab.Wish(start + 30, 1);
        wish.StateReason = "needed for the audit";
        var made = await _lab.CreateAsync(TestSeed.LabManager, wish);
        await ToAsync(start - (7 * 24) - 0.05);
        await _all.SweepAsync("outbox");
        Assert.DoesNotContain(await _all.ToldAsync(TestSeed.LabManager), n => n.Kind.StartsWith("closure", StringComparison.Ordinal));
        await ToAsync(start - (7 * 24));
        await _all.SweepAsync("outbox");
        _all.Time.Forward(TimeSpan.FromMinutes(2));
        await _all.SweepAsync("outbox");
        var told = (await _all.ToldAsync(TestSeed.LabManager)).Where(n => n.Kind.StartsWith("closure", StringComparison.Ordinal)).ToList();
        Assert.Equal([("closure", made.Name), ("closures-run-out", TestSeed.Lab)], told.Select(n => (n.Kind, n.Subject)).Order());
        Assert.Contains($"{day:uuuu-MM-dd} to {day.PlusDays(1):uuuu-MM-dd} (Stocktaking)", told.Single(n => n.Kind == "closure").Text);
        // One that is over is not told to anybody who comes into it late.
        await ToAsync(start + 49);
        var other = await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(start + 60, 1));
        await _all.SweepAsync("outbox");
        Assert.DoesNotContain(await _all.ToldAsync(TestSeed.Teacher), n => n.Subject == other.Name);
    }

    [Fact]
    public async Task A_mail_that_is_not_taken_now_is_tried_again_and_one_refused_for_good_is_told_as_such()
    {
        _all.Smtp.OnRecipient = to => to.StartsWith("teacher", StringComparison.Ordinal) ? "550 no such user" : "451 try again later";
        await HoldRunsOutAsync(TestSeed.Teacher, 40);
        await HoldRunsOutAsync(TestSeed.DoctoralStudent, 50);
        await _all.SweepAsync("outbox");
        Assert.Contains("refused: ", Assert.Single(await _all.ToldAsync(TestSeed.Teacher)).MailError);
        Assert.Contains("tried again: ", Assert.Single(await _all.ToldAsync(TestSeed.DoctoralStudent)).MailError);
        _all.Smtp.OnRecipient = _ => null;
        Assert.Empty(await _all.MailsAsync());
        _all.Time.Forward(TimeSpan.FromMinutes(1.1));
        Assert.Equal("doctoral@work.example.no", Assert.Single(await _all.MailsAsync()).To.Mailboxes.First().Address);
        var sent = Assert.Single(await _all.ToldAsync(TestSeed.DoctoralStudent));
        Assert.Equal(("", true), (sent.MailError, sent.MailTime is not null));
    }

    [Fact]
    public async Task A_mail_whose_receipt_was_lost_comes_again_under_its_own_id_and_many_sweeps_at_once_send_one()
    {
        _all.Smtp.BreaksAfterData = true;
        await HoldRunsOutAsync(TestSeed.DoctoralStudent, 40);
        await _all.SweepAsync("outbox");
        _all.Smtp.BreaksAfterData = false;
        _all.Time.Forward(TimeSpan.FromMinutes(1.1));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _all.SweepAsync("outbox")));
        var mails = await _all.MailsAsync();
        Assert.Equal(2, mails.Count);
        Assert.Single(mails.Select(m => m.MessageId).Distinct());
    }

    [Fact]
    public async Task Notices_are_read_by_their_own_reader_in_pages_and_mail_can_be_switched_off()
    {
        var names = new List<string>();
        for (var k = 0; k < 5; k++)
        {
            await HoldRunsOutAsync(TestSeed.DoctoralStudent, 40 + k);
            names.Insert(0, (await _all.ToldAsync(TestSeed.DoctoralStudent))[0].Name);
            _all.Time.Forward(TimeSpan.FromSeconds(1));
        }
        var student = _all.As(TestSeed.DoctoralStudent);
        var (seen, page) = (new List<string>(), "");
        do
        {
            var answer = await student.ListNotificationsAsync(new ListNotificationsRequest { PageSize = 2, PageToken = page }, cancellationToken: Cancel);
            seen.AddRange(answer.Notifications.Select(n => n.Name));
            page = answer.NextPageToken;
        }
        while (page.Length > 0);
        Assert.Equal(names, seen);
        Assert.Equal(2, (await student.MarkNotificationsReadAsync(new MarkNotificationsReadRequest { Until = names[2] }, cancellationToken: Cancel)).Unread);
        Assert.Equal(names[..2], (await student.ListNotificationsAsync(new ListNotificationsRequest { UnreadOnly = true }, cancellationToken: Cancel)).Notifications.Select(n => n.Name));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, async () => await _all.As(TestSeed.Teacher).MarkNotificationsReadAsync(new MarkNotificationsReadRequest { Until = names[0] }, cancellationToken: Cancel));
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await student.ListNotificationsAsync(new ListNotificationsRequest { PageToken = "!" }, cancellationToken: Cancel));

        var settings = await student.SetMailSettingsAsync(new SetMailSettingsRequest { MailOff = true }, cancellationToken: Cancel);
        Assert.Equal((true, true, "doctoral@work.example.no"), (settings.MailOff, settings.ServerSends, settings.Addresses[0]));
        await HoldRunsOutAsync(TestSeed.DoctoralStudent, 60);
        Assert.Empty(await _all.MailsAsync());
        Assert.Equal(0, (await student.MarkNotificationsReadAsync(new MarkNotificationsReadRequest(), cancellationToken: Cancel)).Unread);
    }

    [Fact]
    public async Task Whoever_is_displaced_misses_a_booking_or_gets_one_is_told()
    {
        var displaced = await _lab.BookAsync(40, 1);
        await _lab.As(TestSeed.LabManager).CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.EbcRig }, Window = _lab.Window(40, 2), Why = "pump" }, Displace = true }, cancellationToken: Cancel);
        var notice = Assert.Single(await _all.ToldAsync(TestSeed.DoctoralStudent));
        Assert.Equal(("displaced", displaced.Name), (notice.Kind, notice.Subject));
        Assert.Contains("wait list", notice.Text);

        var handed = await _lab.BookAsync(50, 1);
        await _lab.As(TestSeed.DoctoralStudent).HandOverBookingAsync(new HandOverBookingRequest { Name = handed.Name, Affiliation = "affiliations/course-owner" }, cancellationToken: Cancel);
        Assert.Equal("handed-over", Assert.Single(await _all.ToldAsync(TestSeed.CourseOwner)).Kind);

        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(3, 2));
        await ToAsync(5.5);
        await _all.SweepAsync("no-show");
        Assert.Equal("no-show", Assert.Single(await _all.ToldAsync(TestSeed.Teacher)).Kind);
    }

    [Fact]
    public async Task The_cli_shows_notices_marks_them_and_switches_mail()
    {
        await HoldRunsOutAsync(TestSeed.DoctoralStudent, 40);
        Task<Ran> Run(params string[] args) => Battlab.AsAsync(_lab.Lab.GrpcAddress, TestSeed.DoctoralStudent, args);
        Assert.Contains("Your booking was held and has run out", (await Run("notices", "list", "--unread")).Text);
        Assert.Contains("Marked; 0 unread.", (await Run("notices", "read")).Text);
        Assert.Contains("Mail is off: doctoral@work.example.no", (await Run("notices", "mail", "off")).Text);
        Assert.Contains("Mail is on", (await Run("notices", "mail", "on")).Text);
        Assert.Equal(1, (await Run("webhook", "list", TestSeed.Lab)).Exit);
    }

    private static Booking Without(Booking wish)
    {
        wish.Channels.Clear();
        wish.Window = null;
        return wish;
    }

    private async Task HoldRunsOutAsync(string token, double hour)
    {
        await _lab.As(token).CreateBookingAsync(new CreateBookingRequest { Booking = _lab.Wish(hour, 0.5), HoldMinutes = 1 }, cancellationToken: Cancel);
        _all.Time.Forward(TimeSpan.FromMinutes(1.1));
        await _all.SweepAsync("hold-expiry");
    }

    private Task CancelAsync(string token, string name, string reason) =>
        _lab.As(token).CancelBookingAsync(new CancelBookingRequest { Name = name, Reason = reason }, cancellationToken: Cancel).ResponseAsync;

    // Moves the wall clock to an hour of the lab's.
    private Task ToAsync(double hour)
    {
        var at = (_lab.Hour0 + NodaTime.Duration.FromSeconds(hour * 3600)).ToDateTimeOffset();
        Assert.True(at > _all.Time.GetUtcNow());
        _all.Time.Forward(at - _all.Time.GetUtcNow());
        return Task.CompletedTask;
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteNoticeTests() : NoticeContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresNoticeTests() : NoticeContract("postgres");
