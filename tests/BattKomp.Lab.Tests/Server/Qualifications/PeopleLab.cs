using System.Text.Json.Nodes;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Qualifications;

/// <summary>A lab whose EBC rig asks something of the people who book it, with a clock that the test sets forward.</summary>
public sealed class PeopleLab : IAsyncDisposable
{
    private PeopleLab(BookingLab lab, ShiftedTime time) => (Lab, Time) = (lab, time);

    public BookingLab Lab { get; }

    public ShiftedTime Time { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts one; <paramref name="rig"/> writes what the EBC rig asks for into its seed.</summary>
    public static async Task<PeopleLab> StartAsync(string dialect, Action<JsonNode> rig)
    {
        var time = new ShiftedTime();
        var lab = await BookingLab.StartAsync(dialect, o =>
        {
            var seed = JsonNode.Parse(TestSeed.Json)!;
            rig(seed["rigs"]!.AsArray().Single(r => (string)r!["name"]! == TestSeed.EbcRig)!);
            File.WriteAllText(o.SeedFile, seed.ToJsonString());
            o.Runs.SweepSeconds = 0;
        }, time: time);
        return new PeopleLab(lab, time);
    }

    public QualificationService.QualificationServiceClient Qualifications(string token) => new(Lab.Lab.As(token));

    /// <summary>A well-formed grant for the doctoral student at the lab.</summary>
    public static Qualification Wish(string person = "persons/doctoral", string lab = TestSeed.Lab) => new()
    {
        Person = person,
        RigKind = "cell-cycler",
        HazardClass = "h4",
        Lab = lab,
        Level = QualificationLevel.IndependentUser,
        Evidence = { new QualificationEvidence { Kind = QualificationEvidence.Types.Kind.Course, Reference = "HMS0505", IssuedBy = "A university" } },
    };

    public async Task<Qualification> GrantAsync(Qualification? wish = null, string token = TestSeed.LabManager, string requestId = "") =>
        await Qualifications(token).GrantQualificationAsync(new GrantQualificationRequest { Qualification = wish ?? Wish(), RequestId = requestId }, cancellationToken: Cancel);

    public async Task<Qualification> RevokeAsync(string name, string token = TestSeed.LabManager, string requestId = "") =>
        await Qualifications(token).RevokeQualificationAsync(new RevokeQualificationRequest { Name = name, Reason = "left the group", RequestId = requestId }, cancellationToken: Cancel);

    public async Task<Qualification> GetAsync(string name, string token = TestSeed.LabManager) =>
        await Qualifications(token).GetQualificationAsync(new GetQualificationRequest { Name = name }, cancellationToken: Cancel);

    /// <summary>The machine time so many hours from now.</summary>
    public Timestamp In(double hours) => Timestamp.FromDateTimeOffset(Time.GetUtcNow().AddHours(hours));

    /// <summary>A booking of the EBC's channel that begins now.</summary>
    public Booking FromNow(double hours = 1)
    {
        var wish = Lab.Wish(0, 1);
        wish.Window = new TimeWindow { Start = In(0), End = In(hours) };
        return wish;
    }

    /// <summary>A run of the person that starts now.</summary>
    public async Task<string> RunAsync(string person = "persons/doctoral", string channel = TestSeed.EbcChannel)
    {
        var now = Micros.FromInstant(NodaTime.Instant.FromDateTimeOffset(Time.GetUtcNow()));
        var run = new RunRow { Name = RunRegister.NewName(), Channel = channel, Lab = TestSeed.Lab, Agent = TestSeed.AgentName, Holder = person, Owner = "organisations/university", Visibility = new Visibility { Kind = VisibilityKind.Open }, Stage = RunStage.Final, CreatedUs = now, StartUs = now };
        await Lab.Lab.Services.GetRequiredService<CalendarDatabase>().WriteAsync(tx => RunRegister.AddAsync(tx, run, Cancel), Cancel);
        return run.Name;
    }

    /// <summary>Runs one sweep once.</summary>
    public Task SweepAsync(string name) => Lab.Lab.Services.GetServices<ISweep>().Single(s => s.Name == name).RunAsync(Cancel);

    /// <summary>What a holder was to be told of a qualification, in order.</summary>
    public async Task<IReadOnlyList<string>> NoticesAsync(string qualification) => await Lab.Lab.Services.GetRequiredService<CalendarDatabase>().ReadAsync(
        tx => tx.QueryAsync("SELECT kind FROM qualification_notices WHERE qualification = @q ORDER BY created_us", r => r.GetString(0), Cancel, ("q", qualification)), Cancel);

    public ValueTask DisposeAsync() => Lab.DisposeAsync();
}
