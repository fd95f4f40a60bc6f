using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;
using Shown = BattKomp.Lab.V1.Qualification;

namespace BattKomp.Lab.Server.Features.Qualifications;

/// <summary>qualifications.proto on the wire.</summary>
public sealed class QualificationServiceHandler(
    CalendarDatabase database, Catalogue.Catalogue catalogue, RunRegister runs, RequestLog requests, Policy policy, Audit audit, MachineClock clock) : QualificationService.QualificationServiceBase
{
    /// <inheritdoc/>
    public override async Task<Shown> GrantQualification(GrantQualificationRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        var snapshot = await catalogue.GetAsync(cancel);
        var granted = QualificationFields.Read(request.Qualification, snapshot, clock.Now);
        RequireMayJudge(person, granted.Lab, "grant a qualification");
        if (granted.Person == person.Name) throw LabErrors.NotAllowed("grant yourself a qualification", "Ask somebody else who may.");
        await CheckReferencesAsync(granted, snapshot, cancel);
        (granted.Name, granted.GrantedBy) = ("qualifications/" + Guid.CreateVersion7().ToString("N"), person.Name);
        var row = new QualificationRow(granted, Micros.FromInstant(clock.Now), null, null, null, "", "");
        row = row with { DueUs = QualificationLapse.FirstLook(row.Known, clock.Now) };
        if (request.ValidateOnly)
        {
            var would = row.Seen(clock.Now, row.Known);
            would.Name = "";
            return would;
        }
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Shown.Parser, async tx =>
        {
            await QualificationStore.InsertAsync(tx, row, cancel);
            await audit.WriteAsync(tx, person.Name, "grant-qualification", row.Name, string.Join("; ", granted.Evidence.Select(e => $"{e.Kind}: {e.Reference}")), granted.Person, cancel);
            return await SeenAsync(tx, row, snapshot, cancel);
        }, cancel);
    }

    /// <inheritdoc/>
    public override async Task<Shown> RevokeQualification(RevokeQualificationRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks().Require(request.Reason.Trim().Length is > 0 and <= 500, "reason", "is required, at most 500 characters: it is kept in the audit.").ThrowIfAny();
        var snapshot = await catalogue.GetAsync(cancel);
        var seen = await FindAsync(person, request.Name, cancel);
        RequireMayJudge(person, seen.Granted.Lab, $"revoke {request.Name}");
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Shown.Parser, async tx =>
        {
            var row = (await QualificationStore.FindAsync(tx, request.Name, cancel))!;
            var state = (await SeenAsync(tx, row, snapshot, cancel)).State;
            if (state is Shown.Types.State.Lapsed or Shown.Types.State.Revoked) throw LabErrors.WrongState(row.Name, state.ToString().ToUpperInvariant(), "VALID or NOT_YET");
            await QualificationStore.RevokeAsync(tx, row.Name, Micros.FromInstant(clock.Now), person.Name, request.Reason, cancel);
            await audit.WriteAsync(tx, person.Name, "revoke-qualification", row.Name, request.Reason, row.Granted.Person, cancel);
            return await SeenAsync(tx, (await QualificationStore.FindAsync(tx, row.Name, cancel))!, snapshot, cancel);
        }, cancel);
    }

    /// <inheritdoc/>
    public override async Task<Shown> GetQualification(GetQualificationRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var row = await FindAsync(context.Person(), request.Name, cancel);
        var snapshot = await catalogue.GetAsync(cancel);
        return await database.ReadAsync(tx => SeenAsync(tx, row, snapshot, cancel), cancel);
    }

    /// <inheritdoc/>
    public override async Task<ListQualificationsResponse> ListQualifications(ListQualificationsRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks()
            .Require(request.Person.Length == 0 || ResourceNames.Is(request.Person, "persons"), "person", "must be persons/<person>, or empty.")
            .Require(request.Lab.Length == 0 || ResourceNames.Is(request.Lab, "labs"), "lab", "must be labs/<lab>, or empty.")
            .ThrowIfAny();
        var snapshot = await catalogue.GetAsync(cancel);
        var (page, next) = await VisiblePage.ReadAsync(
            (after, limit) => database.ReadAsync(async tx =>
            {
                var seen = new List<Shown>();
                foreach (var row in await QualificationStore.AfterAsync(tx, request.Person, request.Lab, after, limit, cancel)) seen.Add(await SeenAsync(tx, row, snapshot, cancel));
                return seen;
            }, cancel),
            q => Qualifications.Sees(person, q) && (request.IncludeEnded || q.State is Shown.Types.State.Valid or Shown.Types.State.NotYet),
            q => q.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListQualificationsResponse { Qualifications = { page }, NextPageToken = next };
    }

    private async Task<QualificationRow> FindAsync(PersonCaller person, string name, CancellationToken cancel)
    {
        var found = await database.ReadAsync(tx => QualificationStore.FindAsync(tx, name, cancel), cancel);
        return found is not null && Qualifications.Sees(person, found.Granted) ? found : throw LabErrors.NotFound(name);
    }

    private async Task<Shown> SeenAsync(CalendarTransaction tx, QualificationRow row, CatalogueSnapshot snapshot, CancellationToken cancel) =>
        row.Seen(clock.Now, await Qualifications.KnownAsync(tx, row, snapshot, cancel));

    private void RequireMayJudge(PersonCaller person, string lab, string what)
    {
        if (lab.Length > 0) policy.RequireStaff(person, lab, what);
        else if (!person.Has(Roles.Coordinator)) throw LabErrors.NotAllowed(what + " for the nation", "Name a lab at which you have a role, or ask a national coordinator.");
    }

    // Asked after the permission, so that nobody learns by trying which persons and runs there are.
    private async Task CheckReferencesAsync(Shown granted, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var checks = new FieldChecks().Require(
            await database.ReadAsync(tx => QualificationStore.IsPersonAsync(tx, granted.Person, cancel), cancel), "qualification.person", $"names '{granted.Person}', whom nobody knows here; check the id.");
        for (var i = 0; i < granted.Evidence.Count; i++)
        {
            if (granted.Evidence[i] is not { Kind: QualificationEvidence.Types.Kind.SupervisedRun, Reference: var reference }) continue;
            var run = await runs.FindAsync(reference, cancel);
            var ok = run is { StartUs: not null } && snapshot.RigOfChannel(run.Channel)?.RigKind == granted.RigKind && (granted.Lab.Length == 0 || run.Lab == granted.Lab);
            checks.Require(ok, $"qualification.evidence[{i}].reference", $"is '{reference}'; name a run that was started on a {granted.RigKind} rig{(granted.Lab.Length > 0 ? " of " + granted.Lab : "")}.");
        }
        checks.ThrowIfAny();
    }
}
