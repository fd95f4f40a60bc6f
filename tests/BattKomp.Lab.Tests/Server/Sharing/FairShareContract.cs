using System.Text.Json.Nodes;
using BattKomp.Lab.Server.Features.Sharing;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Sharing;

/// <summary>The order of fair share as the account of bookings gives it. University (with the school as its unit), company.</summary>
public abstract class FairShareContract(string dialect) : IAsyncLifetime
{
    private readonly ShiftedTime _time = new();
    private BookingLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = await BookingLab.StartAsync(dialect, o =>
    {
        var seed = JsonNode.Parse(TestSeed.Json)!;
        seed["organisations"]!.AsArray().First(n => (string?)n!["name"] == "organisations/school")!["parent"] = "organisations/university";
        File.WriteAllText(o.SeedFile, seed.ToJsonString());
        (o.Runs.SweepSeconds, o.Bookings.NoShowGraceMinutes) = (0, 0);
        o.Sharing.WeightByRigKind["cell-cycler"] = 2;
    }, time: _time);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task Before_anyone_has_used_anything_all_stand_first_and_afterwards_ones_own_branch_decides()
    {
        Assert.Equal((1, 5, 4), Told(await ExplainAsync(TestSeed.IndustryEngineer)));
        await UseAsync(TestSeed.DoctoralStudent, 10);

        var (doctoral, owner, teacher, engineer) = (await ExplainAsync(TestSeed.DoctoralStudent), await ExplainAsync(TestSeed.CourseOwner), await ExplainAsync(TestSeed.Teacher), await ExplainAsync(TestSeed.IndustryEngineer));

        // The company has used nothing; of the university the school has not, nor the other two.
        Assert.Equal([(5, 5, 0), (2, 5, 2), (2, 5, 2), (1, 5, 0)], new[] { doctoral, owner, teacher, engineer }.Select(Told));
        Assert.Equal(["countries/NO", "organisations/university", "persons/doctoral"], doctoral.Levels.Select(l => l.Name));
        Assert.Equal(["countries/NO", "organisations/university", "organisations/school", "persons/teacher"], teacher.Levels.Select(l => l.Name));
        var university = doctoral.Levels[1];
        Assert.Equal((0.5, 1.0, 20.0, 0.5, 2, 1, 0), (university.Shares, university.Use, Math.Round(university.Hours), university.Factor, university.Compared, university.Ahead, university.Tied));
        Assert.Equal((4, 3, 0), (doctoral.Levels[2].Compared, doctoral.Levels[2].Ahead, doctoral.Levels[2].Tied));
        Assert.False(engineer.Levels[1].HasFactor);
        foreach (var other in new[] { "engineer", "company", "manager", "course-owner", "school", "teacher" }) Assert.DoesNotContain(other, doctoral.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_shows_and_late_cancels_count_in_time_cancels_and_what_is_to_come_do_not_and_a_release_ends_it()
    {
        async Task<double> HoursAsync(string token) => (await ExplainAsync(token)).Levels[^1].Hours;
        // In time: more than a day before.
        var early = await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(60, 4));
        await _lab.As(TestSeed.Teacher).CancelBookingAsync(new CancelBookingRequest { Name = early.Name }, cancellationToken: Cancel);
        await _lab.As(TestSeed.LabManager).CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.CyclerRig }, Window = _lab.Window(1, 50), Why = "repair" } }, cancellationToken: Cancel);
        var late = await _lab.CreateAsync(TestSeed.CourseOwner, _lab.Wish(2, 3));
        await _lab.As(TestSeed.CourseOwner).CancelBookingAsync(new CancelBookingRequest { Name = late.Name }, cancellationToken: Cancel);
        await _lab.CreateAsync(TestSeed.IndustryEngineer, _lab.Wish(2, 4));
        var released = await _lab.CreateAsync(TestSeed.DoctoralStudent, _lab.Wish(8, 6));
        await _lab.CreateAsync(TestSeed.LabManager, _lab.Wish(20, 10));
        To(2.5);
        Assert.InRange(await HoursAsync(TestSeed.IndustryEngineer), 0.8, 1.2);
        To(8);
        await _lab.As(TestSeed.DoctoralStudent).CheckInAsync(new CheckInRequest { Name = released.Name }, cancellationToken: Cancel);
        To(9);
        await _lab.As(TestSeed.DoctoralStudent).ReleaseBookingAsync(new ReleaseBookingRequest { Name = released.Name }, cancellationToken: Cancel);
        To(15);
        await _lab.Lab.Services.GetServices<BattKomp.Lab.Server.Platform.Sweeps.ISweep>().First(s => s.Name == "no-show").RunAsync(Cancel);

        // Each channel-hour of these rigs weighs two.
        Assert.Equal([0.0, 5.9, 7.9, 2.0, 0.0], await Task.WhenAll(new[] { TestSeed.Teacher, TestSeed.CourseOwner, TestSeed.IndustryEngineer, TestSeed.DoctoralStudent, TestSeed.LabManager }.Select(HoursAsync)), (a, b) => Math.Abs(a - b) <= 0.11);

        _time.Forward(TimeSpan.FromDays(28));
        Assert.InRange(await HoursAsync(TestSeed.IndustryEngineer), 3.8, 4.1);
    }

    [Fact]
    public async Task Time_in_which_an_incident_kept_the_rig_locked_is_nobodys_use()
    {
        await UseAsync(TestSeed.IndustryEngineer, 10);
        var before = (await ExplainAsync(TestSeed.IndustryEngineer)).Levels[^1].Hours;
        await _lab.ExecuteAsync(
            "INSERT INTO incidents (name, source, lab, rig, channel, cause, detail, opened_by, opened_us, agent_utc_ns, released_us) VALUES ('incidents/1', '1', @l, @r, '', 'human_stop', '', 'persons/manager', @s, 0, NULL)",
            ("l", TestSeed.Lab), ("r", TestSeed.EbcRig), ("s", _lab.Micros(3)));
        Assert.InRange((await ExplainAsync(TestSeed.IndustryEngineer)).Levels[^1].Hours, before * 0.2 - 0.11, before * 0.2 + 0.11);
    }

    [Fact]
    public async Task One_asks_for_oneself_only()
    {
        Assert.Equal("organisations/school", (await ExplainAsync(TestSeed.Teacher, "affiliations/teacher")).Organisation);
        await BookingLab.RefusedAsync(Reason.ResourceNotFound, () => ExplainAsync(TestSeed.Teacher, "affiliations/doctoral"));
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => ExplainAsync(TestSeed.Coordinator));
        await _lab.ExecuteAsync("INSERT INTO affiliations (name, person, organisation, role, lab, from_us, sponsor) VALUES ('affiliations/second', 'persons/teacher', 'organisations/company', 'industry', '', 0, '')");
        _lab.Lab.Services.GetRequiredService<BattKomp.Lab.Server.Platform.Access.CallerResolver>().Forget();
        var asked = await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => ExplainAsync(TestSeed.Teacher));
        Assert.Contains("affiliations/second, affiliations/teacher", asked.Status.Detail);
        Assert.Equal("organisations/company", (await ExplainAsync(TestSeed.Teacher, "affiliations/second")).Organisation);
        var ran = await Battlab.AsAsync(_lab.Lab.GrpcAddress, TestSeed.DoctoralStudent, "share");
        Assert.Contains("You are number 1 of 6, with 5 others, for organisations/university.", ran.Text);
        Assert.Contains("organisations/university has used nothing lately; 0 of 1 beside it go before it, 1 stand level with it.", ran.Text);
    }

    private static (int, int, int) Told(ShareExplanation e) => (e.Place, e.Of, e.Tied);

    private async Task<ShareExplanation> ExplainAsync(string token, string affiliation = "")
    {
        _lab.Lab.Services.GetRequiredService<FairShare>().Forget();
        return await new SharingService.SharingServiceClient(_lab.Lab.As(token)).ExplainShareAsync(new ExplainShareRequest { Affiliation = affiliation }, cancellationToken: Cancel);
    }

    private async Task UseAsync(string token, double hours)
    {
        await _lab.CreateAsync(token, _lab.Wish(1, hours));
        To(1 + hours);
    }

    private void To(double hour)
    {
        var by = _lab.Hour0 + NodaTime.Duration.FromHours(hour) - _lab.Lab.Services.GetRequiredService<MachineClock>().Now;
        _time.Forward(by.ToTimeSpan());
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteFairShareTests() : FairShareContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresFairShareTests() : FairShareContract("postgres");
