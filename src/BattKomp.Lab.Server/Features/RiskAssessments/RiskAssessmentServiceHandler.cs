using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NodaTime;
using Shown = BattKomp.Lab.V1.RiskAssessment;

namespace BattKomp.Lab.Server.Features.RiskAssessments;

/// <summary>risk_assessments.proto on the wire.</summary>
public sealed class RiskAssessmentServiceHandler(
    CalendarDatabase database, Catalogue.Catalogue catalogue, TestObjects testObjects, Procedures.Procedures procedures, RequestLog requests, Policy policy, Audit audit, MachineClock clock)
    : RiskAssessmentService.RiskAssessmentServiceBase
{
    private const int LongestText = 200;

    /// <inheritdoc/>
    public override async Task<Shown> CreateRiskAssessment(CreateRiskAssessmentRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        var made = Read(request.RiskAssessment);
        // A rig is known to everyone signed in; what is asked after the permission is what may be hidden.
        var rig = (await catalogue.GetAsync(cancel)).Rig(made.Rig) ?? throw LabErrors.FieldsInvalid([("risk_assessment.rig", $"names '{made.Rig}', which does not exist; see the list of rigs.")]);
        policy.RequireManager(person, rig.Lab, $"assess the risks of {rig.Name}");
        await CheckReferencesAsync(person, made, cancel);
        (made.Name, made.Lab, made.CreatedBy) = ("riskAssessments/" + Guid.CreateVersion7().ToString("N"), rig.Lab, person.Name);
        var row = new RiskAssessmentRow(made, Micros.FromInstant(clock.Now), null, "", "");
        if (request.ValidateOnly)
        {
            var would = row.Seen(clock.Now);
            would.Name = "";
            return would;
        }
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Shown.Parser, async tx =>
        {
            await RiskAssessmentStore.InsertAsync(tx, row, cancel);
            await audit.WriteAsync(tx, person.Name, "create-risk-assessment", made.Name, made.Reference, made.Rig, cancel);
            return row.Seen(clock.Now);
        }, cancel);
    }

    /// <inheritdoc/>
    public override async Task<Shown> WithdrawRiskAssessment(WithdrawRiskAssessmentRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks().Require(request.Reason.Trim().Length is > 0 and <= 500, "reason", "is required, at most 500 characters: it is kept in the audit.").ThrowIfAny();
        var seen = await FindAsync(person, request.Name, cancel);
        policy.RequireManager(person, seen.Made.Lab, $"withdraw {request.Name}");
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Shown.Parser, async tx =>
        {
            var state = (await RiskAssessmentStore.FindAsync(tx, request.Name, cancel))!.Seen(clock.Now).State;
            if (state is Shown.Types.State.Over or Shown.Types.State.Withdrawn) throw LabErrors.WrongState(request.Name, state.ToString().ToUpperInvariant(), "VALID or NOT_YET");
            await RiskAssessmentStore.WithdrawAsync(tx, request.Name, Micros.FromInstant(clock.Now), person.Name, request.Reason, cancel);
            await audit.WriteAsync(tx, person.Name, "withdraw-risk-assessment", request.Name, request.Reason, seen.Made.Rig, cancel);
            return (await RiskAssessmentStore.FindAsync(tx, request.Name, cancel))!.Seen(clock.Now);
        }, cancel);
    }

    /// <inheritdoc/>
    public override async Task<Shown> GetRiskAssessment(GetRiskAssessmentRequest request, ServerCallContext context) =>
        (await FindAsync(context.Person(), request.Name, context.CancellationToken)).Seen(clock.Now);

    /// <inheritdoc/>
    public override async Task<ListRiskAssessmentsResponse> ListRiskAssessments(ListRiskAssessmentsRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        var condition = request.Of switch
        {
            "" => "@v = ''",
            var of when ResourceNames.Is(of, "labs") => "lab = @v",
            var of when ResourceNames.Is(of, "rigs") => "rig = @v",
            var of => throw LabErrors.FieldsInvalid([("of", $"is '{of}'; use labs/… or rigs/….")]),
        };
        var (page, next) = await VisiblePage.ReadAsync(
            async (after, limit) => (await database.ReadAsync(tx => RiskAssessmentStore.AfterAsync(tx, condition, request.Of, after, limit, cancel), cancel)).ConvertAll(r => r.Seen(clock.Now)),
            a => person.IsStaffOf(a.Lab) && (request.IncludeEnded || a.State is Shown.Types.State.Valid or Shown.Types.State.NotYet),
            a => a.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListRiskAssessmentsResponse { RiskAssessments = { page }, NextPageToken = next };
    }

    private async Task<RiskAssessmentRow> FindAsync(PersonCaller person, string name, CancellationToken cancel)
    {
        var found = await database.ReadAsync(tx => RiskAssessmentStore.FindAsync(tx, name, cancel), cancel);
        return found is not null && person.IsStaffOf(found.Made.Lab) ? found : throw LabErrors.NotFound(name);
    }

    private Shown Read(Shown? asked)
    {
        var a = (asked ?? new Shown()).Clone();
        a.ValidFrom ??= Timestamps.FromInstant(clock.Now);
        var (from, until) = (TimeOf(a.ValidFrom), TimeOf(a.ValidUntil));
        new FieldChecks()
            .Require(ResourceNames.Is(a.Rig, "rigs"), "risk_assessment.rig", "must be rigs/<rig>.")
            .Require(a.TestObject.Length == 0 || ResourceNames.Is(a.TestObject, "testObjects"), "risk_assessment.test_object", "must be testObjects/<test object>, or empty for any.")
            .Require(a.Procedure.Length == 0 || ResourceNames.Is(a.Procedure, "procedures", "versions"), "risk_assessment.procedure", "must be procedures/<procedure>/versions/<version>, or empty for any.")
            .Require(from is not null, "risk_assessment.valid_from", "is not a time between the years 2000 and 2200.")
            .Require(until is not null, "risk_assessment.valid_until", "is missing, or no time between the years 2000 and 2200; an assessment is looked at again.")
            .Require(from is null || until is null || from < until, "risk_assessment.valid_until", "does not lie after valid_from.")
            .Require(until is null || until > clock.Now, "risk_assessment.valid_until", "is past; assess what is to come.")
            .Require(a.Reference.Length is > 0 and <= LongestText && !a.Reference.Any(char.IsControl), "risk_assessment.reference", $"must be one line of 1 to {LongestText} characters.")
            .Require(a.Sha256.Length == 0 || (a.Sha256.Length == 64 && a.Sha256.All(char.IsAsciiHexDigitLower)), "risk_assessment.sha256", "must be 64 lower-case hex digits, or empty.")
            .ThrowIfAny();
        a.Name = a.Lab = a.CreatedBy = a.WithdrawnBy = a.WithdrawReason = "";
        (a.State, a.CreateTime, a.WithdrawTime) = (Shown.Types.State.Unspecified, null, null);
        (a.ValidFrom, a.ValidUntil) = (BookingTimes.Stamp(from!.Value), BookingTimes.Stamp(until!.Value));
        return a;
    }

    private async Task CheckReferencesAsync(PersonCaller person, Shown made, CancellationToken cancel) => new FieldChecks()
        .Require(made.TestObject.Length == 0 || await SeesAsync(() => testObjects.GetAsync(person, made.TestObject, cancel)), "risk_assessment.test_object", $"names '{made.TestObject}', which does not exist or is hidden from you.")
        .Require(made.Procedure.Length == 0 || await SeesAsync(() => procedures.GetAsync(person, made.Procedure, cancel)), "risk_assessment.procedure", $"names '{made.Procedure}', which does not exist or is hidden from you.")
        .ThrowIfAny();

    private static async Task<bool> SeesAsync<T>(Func<Task<T>> get)
    {
        try
        {
            return await get() is not null;
        }
        catch (LabException e) when (e.Reason is Reason.ResourceNotFound)
        {
            return false;
        }
    }

    private static Instant? TimeOf(Timestamp? stamp) => stamp is { Seconds: >= 946_684_800 and < 7_258_118_400, Nanos: >= 0 and < 1_000_000_000 } ? BookingTimes.Instant(stamp) : null;
}
