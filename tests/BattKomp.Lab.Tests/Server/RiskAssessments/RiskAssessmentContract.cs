using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Server.Procedures;
using BattKomp.Lab.Tests.Server.Qualifications;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using State = BattKomp.Lab.V1.RiskAssessment.Types.State;

namespace BattKomp.Lab.Tests.Server.RiskAssessments;

/// <summary>Risk assessments over gRPC, in the calendar and at lease issue, the same on either database.</summary>
public abstract class RiskAssessmentContract(string dialect) : IAsyncLifetime
{
    private PeopleLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = await PeopleLab.StartAsync(dialect, rig => rig["riskAssessmentRequired"] = true);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task A_booking_needs_an_assessment_of_its_cell_and_the_lease_needs_it_still()
    {
        var procedure = await new ProcedureService.ProcedureServiceClient(_lab.Lab.Lab.As(TestSeed.DoctoralStudent)).CreateProcedureAsync(Programs.Create("cycle", Programs.Cycle()), cancellationToken: Cancel);
        var test = await new RunService.RunServiceClient(_lab.Lab.Lab.As(TestSeed.DoctoralStudent)).CreateCellTestAsync(
            new CreateCellTestRequest { CellTest = new CellTest { TestObject = TestSeed.TestObject, Procedure = procedure.Name, Title = "Ageing" } }, cancellationToken: Cancel);
        var wish = _lab.FromNow();
        wish.CellTest = test.Name;
        Assert.Equal("RISK_ASSESSMENT_MISSING", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.Lab.CreateAsync(TestSeed.DoctoralStudent, wish))).Reason);
        await _lab.Lab.BookAsync(10, 1, TestSeed.CyclerChannel(1));
        var made = await CreateAsync(Wish(testObject: TestSeed.TestObject));
        // It speaks of that cell only, and until its end.
        Assert.Equal("not assessed", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.Lab.CreateAsync(TestSeed.DoctoralStudent, _lab.FromNow()))).Actual);
        var late = wish.Clone();
        late.Window = new TimeWindow { Start = _lab.In(71), End = _lab.In(73) };
        Assert.Equal(made.ValidUntil, Assert.Single(await BookingLab.ViolationsAsync(() => _lab.Lab.CreateAsync(TestSeed.DoctoralStudent, late))).Nearest.End);

        wish.Window = _lab.FromNow().Window;
        var booking = await _lab.Lab.CreateAsync(TestSeed.DoctoralStudent, wish);
        await WithdrawAsync(made.Name);
        await _lab.SweepAsync("lease-issue");
        Assert.Equal(0, await _lab.Lab.CountAsync("SELECT count(*) FROM leases"));
        var told = await _lab.Lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = booking.Name }, cancellationToken: Cancel);
        Assert.StartsWith("no lease: RISK_ASSESSMENT_MISSING for rigs/ebc-1", told.StateReason, StringComparison.Ordinal);
        await CreateAsync(Wish());
        await _lab.SweepAsync("lease-issue");
        Assert.Equal(1, await _lab.Lab.CountAsync("SELECT count(*) FROM leases WHERE booking = @b", ("b", booking.Name)));
    }

    [Fact]
    public async Task Managers_of_the_rigs_lab_make_and_withdraw_them_and_only_its_staff_reads_them()
    {
        await BookingLab.RefusedAsync(Reason.NotAllowed, () => CreateAsync(Wish(), TestSeed.Teacher));
        var wrong = new RiskAssessment { Rig = "ebc", TestObject = "a cell", Procedure = "procedures/a", ValidUntil = _lab.In(-1), Sha256 = "x" };
        Assert.Equal(["rig", "test_object", "procedure", "valid_until", "valid_until", "reference", "sha256"], (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => CreateAsync(wrong))).Fields().Select(f => f["risk_assessment.".Length..]));
        Assert.Equal(["risk_assessment.test_object", "risk_assessment.procedure"],
            (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => CreateAsync(Wish(testObject: "testObjects/none", procedure: "procedures/none/versions/1")))).Fields());

        var dry = await Client(TestSeed.LabManager).CreateRiskAssessmentAsync(new CreateRiskAssessmentRequest { RiskAssessment = Wish(), ValidateOnly = true }, cancellationToken: Cancel);
        Assert.Equal(("", State.Valid), (dry.Name, dry.State));
        var made = await CreateAsync(Wish(), requestId: "once");
        Assert.Equal(made, await CreateAsync(Wish(), requestId: "once"));
        Assert.Equal((TestSeed.Lab, "persons/manager", State.Valid), (made.Lab, made.CreatedBy, made.State));
        var second = await CreateAsync(Wish());
        Assert.Equal(made, await Client(TestSeed.LabManager).GetRiskAssessmentAsync(new GetRiskAssessmentRequest { Name = made.Name }, cancellationToken: Cancel));
        var first = await ListAsync(new ListRiskAssessmentsRequest { PageSize = 1 });
        Assert.Equal([made.Name], first.RiskAssessments.Select(a => a.Name));
        Assert.Equal([second.Name], (await ListAsync(new ListRiskAssessmentsRequest { PageSize = 1, PageToken = first.NextPageToken })).RiskAssessments.Select(a => a.Name));
        Assert.Empty((await ListAsync(new ListRiskAssessmentsRequest { Of = TestSeed.CyclerRig })).RiskAssessments);

        var withdrawn = await WithdrawAsync(made.Name);
        Assert.Equal((State.Withdrawn, "persons/manager", "the cell was opened"), (withdrawn.State, withdrawn.WithdrawnBy, withdrawn.WithdrawReason));
        await BookingLab.RefusedAsync(Reason.WrongState, () => WithdrawAsync(made.Name));
        Assert.Equal([second.Name], (await ListAsync(new ListRiskAssessmentsRequest { Of = TestSeed.Lab })).RiskAssessments.Select(a => a.Name));
        Assert.Equal(2, (await ListAsync(new ListRiskAssessmentsRequest { Of = TestSeed.EbcRig, IncludeEnded = true })).RiskAssessments.Count);
        Assert.Equal(1, await _lab.Lab.CountAsync("SELECT count(*) FROM audit WHERE action = 'withdraw-risk-assessment' AND reason = 'the cell was opened'"));
        _lab.Time.Forward(TimeSpan.FromHours(73));
        Assert.Equal(State.Over, (await ListAsync(new ListRiskAssessmentsRequest { IncludeEnded = true })).RiskAssessments[1].State);
        await BookingLab.RefusedAsync(Reason.WrongState, () => WithdrawAsync(second.Name));
    }

    private RiskAssessment Wish(string testObject = "", string procedure = "") =>
        new() { Rig = TestSeed.EbcRig, TestObject = testObject, Procedure = procedure, ValidUntil = _lab.In(72), Reference = "RA-2026-11" };

    private async Task<RiskAssessment> CreateAsync(RiskAssessment wish, string token = TestSeed.LabManager, string requestId = "")
    {
        // The same wish twice is the same request, whatever the clock says.
        if (requestId.Length > 0) wish.ValidUntil = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = _lab.Lab.Window(72, 1).Start.Seconds };
        return await Client(token).CreateRiskAssessmentAsync(new CreateRiskAssessmentRequest { RiskAssessment = wish, RequestId = requestId }, cancellationToken: Cancel);
    }

    private async Task<RiskAssessment> WithdrawAsync(string name) =>
        await Client(TestSeed.LabManager).WithdrawRiskAssessmentAsync(new WithdrawRiskAssessmentRequest { Name = name, Reason = "the cell was opened" }, cancellationToken: Cancel);

    private async Task<ListRiskAssessmentsResponse> ListAsync(ListRiskAssessmentsRequest request) => await Client(TestSeed.LabManager).ListRiskAssessmentsAsync(request, cancellationToken: Cancel);

    private RiskAssessmentService.RiskAssessmentServiceClient Client(string token) => new(_lab.Lab.Lab.As(token));
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteRiskAssessmentTests() : RiskAssessmentContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresRiskAssessmentTests() : RiskAssessmentContract("postgres");
