using System.Text.Json.Nodes;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;
using State = BattKomp.Lab.V1.Qualification.Types.State;

namespace BattKomp.Lab.Tests.Server.Qualifications;

/// <summary>Qualifications over gRPC and in the calendar, the same on either database; scenario numbers are those of the booking study, §4.</summary>
public abstract class QualificationContract(string dialect) : IAsyncLifetime
{
    private PeopleLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = await PeopleLab.StartAsync(dialect, rig => rig["qualificationRequired"] = new JsonObject { ["level"] = "INDEPENDENT_USER" });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task A_rig_that_asks_for_a_qualification_is_booked_by_those_who_have_it_for_the_whole_window_and_others_are_told_what_is_missing()
    {
        var missing = Assert.Single(await BookingLab.ViolationsAsync(() => _lab.Lab.BookAsync(10, 1)));
        Assert.Equal(("QUALIFICATION_MISSING", "INDEPENDENT_USER", "none", TestSeed.EbcRig), (missing.Reason, missing.Limit, missing.Actual, missing.Resource));
        Assert.Contains("Ask labs/trondheim", missing.Message, StringComparison.Ordinal);
        await _lab.Lab.BookAsync(10, 1, TestSeed.CyclerChannel(1));

        var wish = PeopleLab.Wish();
        wish.ValidUntil = _lab.Lab.Window(20, 1).Start;
        await _lab.GrantAsync(wish);
        await _lab.Lab.BookAsync(10, 1);
        var ends = Assert.Single(await BookingLab.ViolationsAsync(() => _lab.Lab.BookAsync(19, 2)));
        Assert.Equal(("QUALIFICATION_EXPIRES", _lab.Lab.Window(18, 2)), (ends.Reason, ends.Nearest));
        await _lab.Lab.BookAsync(18, 2);
        // One granted from then on carries the rest.
        var next = PeopleLab.Wish();
        next.ValidFrom = wish.ValidUntil;
        await _lab.GrantAsync(next);
        await _lab.Lab.BookAsync(20, 30);
    }

    [Fact]
    public async Task What_was_held_is_asked_again_when_it_becomes_firm_and_when_it_is_handed_over()
    {
        var mine = await _lab.GrantAsync();
        var client = _lab.Lab.As(TestSeed.DoctoralStudent);
        var hold = await client.CreateBookingAsync(new CreateBookingRequest { Booking = _lab.Lab.Wish(10, 1), HoldMinutes = 30 }, cancellationToken: Cancel);
        var firm = await _lab.Lab.BookAsync(12, 1);
        Assert.Equal("QUALIFICATION_MISSING", Assert.Single(await BookingLab.ViolationsAsync(() => HandOverAsync(firm.Name))).Reason);
        await _lab.GrantAsync(PeopleLab.Wish("persons/teacher"));
        Assert.Equal("persons/teacher", (await HandOverAsync(firm.Name)).Holder);

        await _lab.RevokeAsync(mine.Name);
        Task ConfirmAsync() => client.ConfirmBookingAsync(new ConfirmBookingRequest { Name = hold.Name }, cancellationToken: Cancel).ResponseAsync;
        Assert.Contains("had one until", Assert.Single(await BookingLab.ViolationsAsync(ConfirmAsync)).Message, StringComparison.Ordinal);
        await _lab.GrantAsync();
        await ConfirmAsync();
    }

    [Fact]
    public async Task A_search_offers_a_guarded_rig_to_those_who_may_use_it_when_they_may_and_counts_it_for_others()
    {
        var search = new SearchAvailabilityRequest { LengthMinutes = 60, Place = TestSeed.EbcRig, Within = _lab.Lab.Window(10, 20) };
        async Task<SearchAvailabilityResponse> SearchAsync(string token) => await new AvailabilityService.AvailabilityServiceClient(_lab.Lab.Lab.As(token)).SearchAvailabilityAsync(search, cancellationToken: Cancel);
        var none = await SearchAsync(TestSeed.DoctoralStudent);
        Assert.Empty(none.Windows);
        Assert.Equal(("QUALIFICATION_MISSING", 1), (Assert.Single(none.NearMisses).Reason, none.NearMisses[0].Rigs));
        var wish = PeopleLab.Wish();
        (wish.ValidFrom, wish.ValidUntil) = (_lab.Lab.Window(12, 1).Start, _lab.Lab.Window(15, 1).Start);
        await _lab.GrantAsync(wish);
        Assert.Equal([12, 13, 14], (await SearchAsync(TestSeed.DoctoralStudent)).Windows.Select(w => (int)Math.Round((w.Window.Start - _lab.Lab.Window(0, 1).Start).ToTimeSpan().TotalHours)));
        Assert.Empty((await SearchAsync(TestSeed.Teacher)).Windows);
    }

    [Fact]
    public async Task Scenario_28_nobody_waits_for_a_rig_that_they_may_not_use_and_who_will_be_qualified_in_time_may()
    {
        await _lab.GrantAsync();
        await _lab.Lab.BookAsync(10, 20);
        var waits = new WaitService.WaitServiceClient(_lab.Lab.Lab.As(TestSeed.Teacher));
        var booking = _lab.Lab.Wish(0, 1);
        booking.Channels.Clear();
        booking.Window = null;
        var request = new JoinWaitListRequest { Search = new SearchAvailabilityRequest { LengthMinutes = 60, Place = TestSeed.EbcRig, Within = _lab.Lab.Window(10, 19) }, Booking = booking };
        Task JoinAsync() => waits.JoinWaitListAsync(request, cancellationToken: Cancel).ResponseAsync;
        Assert.Equal("QUALIFICATION_MISSING", Assert.Single(await BookingLab.ViolationsAsync(JoinAsync)).Reason);
        var wish = PeopleLab.Wish("persons/teacher");
        wish.ValidFrom = _lab.Lab.Window(15, 1).Start;
        await _lab.GrantAsync(wish);
        await JoinAsync();
    }

    [Fact]
    public async Task A_series_is_judged_instance_by_instance_and_what_outlives_the_qualification_is_left_out()
    {
        var wish = PeopleLab.Wish();
        wish.ValidUntil = _lab.In(24 * 4);
        await _lab.GrantAsync(wish);
        var day = NodaTime.Instant.FromDateTimeOffset(_lab.Time.GetUtcNow()).InUtc().Date.PlusDays(1);
        var booking = _lab.Lab.Wish(0, 1);
        booking.Window = null;
        var made = await _lab.Lab.As(TestSeed.DoctoralStudent).CreateSeriesAsync(new CreateSeriesRequest
        {
            Booking = booking,
            FirstStart = day.ToString("uuuu-MM-dd", System.Globalization.CultureInfo.InvariantCulture) + "T12:00",
            WallMinutes = 60,
            Rrule = "FREQ=DAILY;COUNT=6",
            OnConflict = OnConflict.SkipRefused,
        }, cancellationToken: Cancel);
        Assert.Equal(6, made.Booked + made.Refused);
        Assert.InRange(made.Refused, 2, 3);
        Assert.All(made.Items.Skip(made.Booked), i => Assert.Equal("QUALIFICATION_EXPIRES", Assert.Single(i.Violations).Reason));
    }

    [Fact]
    public async Task Labs_grant_for_themselves_coordinators_for_the_nation_and_nobody_to_themselves()
    {
        await RefusedAsync(() => _lab.GrantAsync(token: TestSeed.Teacher));
        await RefusedAsync(() => _lab.GrantAsync(PeopleLab.Wish(lab: TestSeed.OtherLab)));
        await RefusedAsync(() => _lab.GrantAsync(PeopleLab.Wish(lab: "")));
        await RefusedAsync(() => _lab.GrantAsync(token: TestSeed.Coordinator));
        await RefusedAsync(() => _lab.GrantAsync(PeopleLab.Wish("persons/manager")));
        await RefusedAsync(() => _lab.GrantAsync(PeopleLab.Wish("persons/coordinator", lab: ""), TestSeed.Coordinator));

        var (lab, nation) = (await _lab.GrantAsync(), await _lab.GrantAsync(PeopleLab.Wish("persons/engineer", lab: ""), TestSeed.Coordinator));
        Assert.Equal((State.Valid, "persons/manager", "persons/coordinator"), (lab.State, lab.GrantedBy, nation.GrantedBy));
        await RefusedAsync(() => _lab.RevokeAsync(nation.Name));
        // Hidden things look absent; the holder, the lab and of a national one every lab may see it.
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => _lab.GetAsync(lab.Name, TestSeed.Teacher));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => _lab.GetAsync(lab.Name, TestSeed.Coordinator));
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => _lab.RevokeAsync(lab.Name, TestSeed.Teacher));
        Assert.Equal(lab, await _lab.GetAsync(lab.Name, TestSeed.DoctoralStudent));
        Assert.Equal(nation, await _lab.GetAsync(nation.Name));

        var revoked = await _lab.RevokeAsync(lab.Name, requestId: "once");
        Assert.Equal((State.Revoked, "persons/manager", "left the group"), (revoked.State, revoked.RevokedBy, revoked.RevokeReason));
        Assert.Equal(revoked, await _lab.RevokeAsync(lab.Name, requestId: "once"));
        await BookingLab.RefusedAsync(Reason.WrongState, () => _lab.RevokeAsync(lab.Name));
        Assert.Equal(1, await _lab.Lab.CountAsync("SELECT count(*) FROM audit WHERE action = 'revoke-qualification' AND reason = 'left the group' AND resource = @n", ("n", lab.Name)));
        Assert.Equal(2, await _lab.Lab.CountAsync("SELECT count(*) FROM audit WHERE action = 'grant-qualification' AND reason = 'Course: HMS0505'"));
        await _lab.Lab.CreateAsync(TestSeed.IndustryEngineer, _lab.Lab.Wish(10, 1));
    }

    [Fact]
    public async Task Every_mistake_is_told_at_once_and_evidence_of_runs_must_name_runs_of_such_rigs()
    {
        var wrong = new Qualification
        {
            Person = "somebody",
            RigKind = "oven",
            HazardClass = "h9",
            Lab = "here",
            UnusedDays = -1,
            NeverUsedDays = 100_000,
            ValidUntil = _lab.In(-1),
            Evidence = { new QualificationEvidence { Reference = "a\nb", Sha256 = "x", Issued = new Google.Type.Date { Year = 2026, Month = 2, Day = 30 } }, new QualificationEvidence { Kind = QualificationEvidence.Types.Kind.SupervisedRun, Reference = "yesterday" } },
        };
        var fields = (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.GrantAsync(wrong))).Fields();
        foreach (var field in new[] { "person", "rig_kind", "hazard_class", "lab", "level", "unused_days", "never_used_days", "valid_until", "evidence[0].kind", "evidence[0].reference", "evidence[0].sha256", "evidence[0].issued", "evidence[1].reference" })
            Assert.Contains("qualification." + field, fields);
        Assert.Equal(["qualification.evidence"], (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.GrantAsync(WithEvidence()))).Fields());
        Assert.Equal(["qualification.person", "qualification.evidence[0].reference"], (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.GrantAsync(WithEvidence("persons/nobody", "runs/none")))).Fields());

        var (first, second) = (await _lab.RunAsync("persons/manager"), await _lab.RunAsync("persons/manager"));
        Assert.Equal(2, (await _lab.GrantAsync(WithEvidence("persons/doctoral", first, second, first))).SupervisedRuns);
        // A potentiostat is not what those runs were made on.
        var other = WithEvidence("persons/doctoral", first);
        other.RigKind = "potentiostat";
        Assert.Equal(["qualification.evidence[0].reference"], (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.GrantAsync(other))).Fields());
    }

    [Fact]
    public async Task A_replayed_grant_is_granted_once_a_dry_one_not_at_all_and_pages_tell_every_one_once()
    {
        var dry = await _lab.Qualifications(TestSeed.LabManager).GrantQualificationAsync(new GrantQualificationRequest { Qualification = PeopleLab.Wish(), ValidateOnly = true }, cancellationToken: Cancel);
        Assert.Equal(("", State.Valid), (dry.Name, dry.State));
        var first = await _lab.GrantAsync(requestId: "a");
        Assert.Equal(first, await _lab.GrantAsync(requestId: "a"));
        await BookingLab.RefusedAsync(Reason.RequestIdReused, () => _lab.GrantAsync(PeopleLab.Wish("persons/teacher"), requestId: "a"));
        var granted = new List<string> { first.Name };
        foreach (var person in new[] { "teacher", "engineer", "course-owner", "doctoral" }) granted.Add((await _lab.GrantAsync(PeopleLab.Wish("persons/" + person))).Name);
        granted.Add((await _lab.GrantAsync(PeopleLab.Wish(lab: ""), TestSeed.Coordinator)).Name);
        await _lab.RevokeAsync(granted[1]);

        // Pages go by name, and two names of one millisecond are in no order of making.
        IEnumerable<string> Named(params int[] which) => which.Select(i => granted[i]).Order(StringComparer.Ordinal);
        Assert.Equal(Named(0, 2, 3, 4, 5), await WalkAsync(TestSeed.LabManager, new ListQualificationsRequest { PageSize = 2 }));
        Assert.Equal(Named(0, 1, 2, 3, 4, 5), await WalkAsync(TestSeed.LabManager, new ListQualificationsRequest { PageSize = 2, IncludeEnded = true, Lab = TestSeed.Lab }));
        Assert.Equal(Named(0, 4, 5), await WalkAsync(TestSeed.DoctoralStudent, new ListQualificationsRequest { PageSize = 1 }));
        Assert.Equal([granted[2]], await WalkAsync(TestSeed.LabManager, new ListQualificationsRequest { Person = "persons/engineer" }));
        Assert.Empty(await WalkAsync(TestSeed.Teacher, new ListQualificationsRequest { Person = "persons/engineer" }));
    }

    [Fact]
    public async Task Scenario_32_use_keeps_a_qualification_disuse_ends_it_and_each_reminder_is_told_once()
    {
        Qualification Wish(string person)
        {
            var wish = PeopleLab.Wish(person);
            (wish.UnusedDays, wish.NeverUsedDays) = (3, 5);
            return wish;
        }

        var (used, never, former) = (await _lab.GrantAsync(Wish("persons/doctoral")), await _lab.GrantAsync(Wish("persons/engineer")), await _lab.GrantAsync(Wish("persons/teacher")));
        var dated = PeopleLab.Wish("persons/course-owner");
        dated.ValidUntil = _lab.In(24 * 40);
        var reminded = await _lab.GrantAsync(dated);
        await DaysLaterAsync(1);
        await _lab.RunAsync("persons/doctoral");
        await _lab.RunAsync("persons/teacher");
        await DaysLaterAsync(2);
        // Used two days ago: kept. Qualified again two days after the last use.
        Assert.Equal((State.Valid, 24), ((await _lab.GetAsync(used.Name)).State, (int)Math.Round((await _lab.GetAsync(used.Name)).LapseTime.ToDateTimeOffset().Subtract(_lab.Time.GetUtcNow()).TotalHours)));
        var again = await _lab.GrantAsync(Wish("persons/teacher"));
        await DaysLaterAsync(1.001);
        // Three days ago: gone; nobody used the other one, whose clock is its own; and who qualified again keeps the new one.
        Assert.Equal((State.Lapsed, State.Valid), ((await _lab.GetAsync(used.Name)).State, (await _lab.GetAsync(never.Name)).State));
        Assert.Equal((State.Lapsed, State.Valid), ((await _lab.GetAsync(former.Name)).State, (await _lab.GetAsync(again.Name)).State));
        await _lab.RunAsync("persons/doctoral");
        await DaysLaterAsync(1);
        Assert.Equal((State.Lapsed, State.Lapsed), ((await _lab.GetAsync(used.Name)).State, (await _lab.GetAsync(never.Name)).State));
        await BookingLab.RefusedAsync(Reason.WrongState, () => _lab.RevokeAsync(never.Name));
        Assert.Equal(["lapsed"], await _lab.NoticesAsync(used.Name));
        Assert.Equal(["lapsed"], await _lab.NoticesAsync(never.Name));
        Assert.Empty(await _lab.NoticesAsync(reminded.Name));

        foreach (var days in new[] { 5.5, 2, 5, 10, 5.2, 3, 3, 2 }) await DaysLaterAsync(days);
        Assert.Equal(["lapses-in-30-days", "lapses-in-7-days", "lapsed"], await _lab.NoticesAsync(reminded.Name));
    }

    private async Task DaysLaterAsync(double days)
    {
        _lab.Time.Forward(TimeSpan.FromDays(days));
        // Two servers at once, and one again.
        await Task.WhenAll(Task.Run(() => _lab.SweepAsync("qualification-lapse"), Cancel), Task.Run(() => _lab.SweepAsync("qualification-lapse"), Cancel));
        await _lab.SweepAsync("qualification-lapse");
    }

    private async Task<Booking> HandOverAsync(string booking) =>
        await _lab.Lab.As(TestSeed.DoctoralStudent).HandOverBookingAsync(new HandOverBookingRequest { Name = booking, Affiliation = "affiliations/teacher" }, cancellationToken: Cancel);

    private async Task<List<string>> WalkAsync(string token, ListQualificationsRequest request)
    {
        var told = new List<string>();
        for (var pages = 0; pages < 20; pages++)
        {
            var page = await _lab.Qualifications(token).ListQualificationsAsync(request, cancellationToken: Cancel);
            told.AddRange(page.Qualifications.Select(q => q.Name));
            request.PageToken = page.NextPageToken;
            if (request.PageToken.Length == 0) return told;
        }
        throw new InvalidOperationException("the pages do not end");
    }

    private static Qualification WithEvidence(string person = "persons/doctoral", params string[] runs)
    {
        var wish = PeopleLab.Wish(person);
        wish.Evidence.Clear();
        wish.Evidence.AddRange(runs.Select(r => new QualificationEvidence { Kind = QualificationEvidence.Types.Kind.SupervisedRun, Reference = r }));
        return wish;
    }

    private static Task<RpcException> RefusedAsync(Func<Task> call) => BookingLab.RefusedAsync(Reason.NotAllowed, call);
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteQualificationTests() : QualificationContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresQualificationTests() : QualificationContract("postgres");
