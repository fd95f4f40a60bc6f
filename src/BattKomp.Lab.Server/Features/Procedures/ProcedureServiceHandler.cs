using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>Registers the slice.</summary>
public static class ProceduresFeature
{
    /// <summary>Procedures and their handler.</summary>
    public static IServiceCollection AddProcedures(this IServiceCollection services) =>
        services.AddSingleton<Procedures>().AddSingleton<ProcedureServiceHandler>();
}

/// <summary>procedures.proto on the wire.</summary>
public sealed class ProcedureServiceHandler(Procedures procedures, CalendarDatabase database, RequestLog requests, MachineClock clock)
    : ProcedureService.ProcedureServiceBase
{
    // Fields this version does not know are dropped before the hash: what is signed is exactly what was checked.
    private static readonly MessageParser<V1.Program> Strict = V1.Program.Parser.WithDiscardUnknownFields(true);

    /// <inheritdoc/>
    public override Task<Procedure> GetProcedure(GetProcedureRequest request, ServerCallContext context) =>
        procedures.GetAsync(context.Caller(), request.Name, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<ListProceduresResponse> ListProcedures(ListProceduresRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize, 50, 200);
        var cancel = context.CancellationToken;
        var (page, next) = await VisiblePage.ReadAsync(
            (after, limit) => database.ReadAsync(tx => ProcedureStore.AfterAsync(tx, after, limit, cancel), cancel),
            row => procedures.Sees(context.Caller(), row), row => row.Procedure.Name, size, Paging.After(request.PageToken));
        return new ListProceduresResponse { Procedures = { page.Select(r => r.Procedure) }, NextPageToken = next };
    }

    /// <inheritdoc/>
    public override async Task<Procedure> CreateProcedure(CreateProcedureRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var asked = request.Procedure ?? new Procedure();
        var checks = new FieldChecks()
            .Require(ResourceNames.IsId(request.ProcedureId), "procedure_id", "must be 1–63 of a–z, 0–9 and '-'.")
            .Require(asked.Title.Length is > 0 and <= 200, "procedure.title", "must be 1–200 characters.")
            .RequireVisibility(asked.Visibility, "procedure.visibility");
        ProgramChecks.Check(checks, asked.Program, "procedure.program");
        checks.ThrowIfAny();
        var made = new Procedure
        {
            Title = asked.Title,
            Program = Strict.ParseFrom(asked.Program.ToByteArray()),
            Visibility = asked.Visibility ?? new Visibility { Kind = VisibilityKind.Open },
            Author = person.Name,
        };
        made.Sha256 = Procedures.HashOf(made.Program);
        var row = new ProcedureRow(made, person.Affiliations[0].Organisation);
        if (request.ValidateOnly)
            return await database.ReadAsync(tx => PlaceAsync(tx, request.ProcedureId, row, keep: false, context.CancellationToken), context.CancellationToken);
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Procedure.Parser,
            tx => PlaceAsync(tx, request.ProcedureId, row, keep: true, context.CancellationToken), context.CancellationToken);
    }

    private async Task<Procedure> PlaceAsync(CalendarTransaction tx, string id, ProcedureRow row, bool keep, CancellationToken cancel)
    {
        var procedure = "procedures/" + id;
        var versions = await ProcedureStore.LockVersionsAsync(tx, procedure, cancel);
        // An id belongs to the organisation that used it first.
        if (versions.Count > 0 && versions[0].Owner != row.Owner) throw LabErrors.Exists(procedure);
        if (versions.FirstOrDefault(v => v.Procedure.Sha256 == row.Procedure.Sha256) is { } same) return same.Procedure;
        var now = clock.Now;
        row.Procedure.Name = $"{procedure}/versions/{versions.Count + 1}";
        row.Procedure.CreateTime = Timestamps.FromInstant(now);
        if (keep) await ProcedureStore.InsertAsync(tx, procedure, versions.Count + 1, row, Micros.FromInstant(now), cancel);
        return row.Procedure;
    }
}
