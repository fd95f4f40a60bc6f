using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;
using Affiliation = BattKomp.Lab.V1.Affiliation;
using LabProto = BattKomp.Lab.V1.Lab;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>Registers the slice.</summary>
public static class CatalogueFeature
{
    /// <summary>Catalogue, seed and their handlers.</summary>
    public static IServiceCollection AddCatalogue(this IServiceCollection services) =>
        services.AddSingleton<Catalogue>().AddSingleton<TestObjects>().AddSingleton<Seed>().AddSingleton<LabServiceHandler>();
}

/// <summary>labs.proto on the wire.</summary>
public sealed class LabServiceHandler(Catalogue catalogue, CalendarDatabase database, RequestLog requests, MachineClock clock) : LabService.LabServiceBase
{
    /// <inheritdoc/>
    public override async Task<ListLabsResponse> ListLabs(ListLabsRequest request, ServerCallContext context)
    {
        var snapshot = await catalogue.GetAsync(context.CancellationToken);
        var (page, next) = Paging.Cut(snapshot.Labs, l => l.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListLabsResponse { Labs = { page }, NextPageToken = next };
    }

    /// <inheritdoc/>
    public override async Task<LabProto> GetLab(GetLabRequest request, ServerCallContext context) =>
        (await catalogue.GetAsync(context.CancellationToken)).Lab(request.Name) ?? throw LabErrors.NotFound(request.Name);

    /// <inheritdoc/>
    public override async Task<ListRigsResponse> ListRigs(ListRigsRequest request, ServerCallContext context)
    {
        var snapshot = await catalogue.GetAsync(context.CancellationToken);
        if (request.Lab.Length > 0 && snapshot.Lab(request.Lab) is null) throw LabErrors.NotFound(request.Lab);
        var rigs = snapshot.Rigs.Where(r => request.Lab.Length == 0 || r.Lab == request.Lab);
        var (page, next) = Paging.Cut(rigs, r => r.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListRigsResponse { Rigs = { page }, NextPageToken = next };
    }

    /// <inheritdoc/>
    public override async Task<Rig> GetRig(GetRigRequest request, ServerCallContext context) =>
        (await catalogue.GetAsync(context.CancellationToken)).Rig(request.Name) ?? throw LabErrors.NotFound(request.Name);

    /// <inheritdoc/>
    public override async Task<ListTestObjectsResponse> ListTestObjects(ListTestObjectsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize, 50, 200);
        var after = Paging.After(request.PageToken);
        var cancel = context.CancellationToken;
        var response = new ListTestObjectsResponse();
        // Hidden rows do not count: read on until the page is full, so that a short page never tells what is hidden.
        while (response.TestObjects.Count < size)
        {
            var rows = await database.ReadAsync(tx => TestObjectStore.AfterAsync(tx, after, size, cancel), cancel);
            foreach (var row in rows.Where(r => Sees(context.Caller(), r)).Take(size - response.TestObjects.Count)) response.TestObjects.Add(row.Object);
            if (rows.Count < size) return response;
            after = response.TestObjects.Count == size ? response.TestObjects[^1].Name : rows[^1].Object.Name;
        }
        response.NextPageToken = Paging.Token(after);
        return response;
    }

    /// <inheritdoc/>
    public override async Task<TestObject> GetTestObject(GetTestObjectRequest request, ServerCallContext context)
    {
        var row = await database.ReadAsync(tx => TestObjectStore.FindAsync(tx, request.Name, context.CancellationToken), context.CancellationToken);
        return row is { } found && Sees(context.Caller(), found) ? found.Object : throw LabErrors.NotFound(request.Name);
    }

    /// <inheritdoc/>
    public override async Task<TestObject> CreateTestObject(CreateTestObjectRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var snapshot = await catalogue.GetAsync(cancel);
        var person = context.Person();
        var made = (request.TestObject ?? new TestObject()).Clone();
        Check(request, made, snapshot);
        made.Owner = made.Owner.Length > 0 ? made.Owner : person.Affiliations[0].Organisation;
        if (!person.BelongsTo(made.Owner)) throw LabErrors.NotAllowed($"register a test object for {made.Owner}", "Use one of your own organisations as owner.");
        made.Custody = made.Custody.Length > 0 ? made.Custody : made.Owner;
        made.Name = "testObjects/" + (request.TestObjectId.Length > 0 ? request.TestObjectId : Guid.CreateVersion7().ToString("N"));
        if (request.ValidateOnly) return made;
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, TestObject.Parser, async tx =>
        {
            if (await TestObjectStore.FindAsync(tx, made.Name, cancel) is not null) throw LabErrors.Exists(made.Name);
            await TestObjectStore.UpsertAsync(tx, made, person.Name, Micros.FromInstant(clock.Now), cancel);
            return made;
        }, cancel);
    }

    /// <inheritdoc/>
    public override async Task<ListCodeListsResponse> ListCodeLists(ListCodeListsRequest request, ServerCallContext context) =>
        new() { CodeLists = { (await catalogue.GetAsync(context.CancellationToken)).CodeLists } };

    /// <inheritdoc/>
    public override async Task<Person> WhoAmI(WhoAmIRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var caller = context.Person();
        var titles = (await catalogue.GetAsync(cancel)).OrganisationTitles;
        var display = await database.ReadAsync(tx => tx.QueryAsync("SELECT display_name FROM persons WHERE name = @n", r => r.GetString(0), cancel, ("n", caller.Name)), cancel);
        var person = new Person { Name = caller.Name, DisplayName = display.FirstOrDefault() ?? "" };
        person.Affiliations.AddRange(caller.Affiliations.Select(a => new Affiliation
        {
            Name = a.Name,
            Organisation = a.Organisation,
            OrganisationTitle = titles.GetValueOrDefault(a.Organisation, ""),
            Role = a.Role,
            Lab = a.Lab,
        }));
        return person;
    }

    private bool Sees(Caller caller, (TestObject Object, string By) row)
    {
        var lab = row.Object.Custody.StartsWith("labs/", StringComparison.Ordinal) ? row.Object.Custody : "";
        return Views.View(caller, new Viewable(Visibilities.FromProto(row.Object.Visibility), row.Object.Owner, [row.By], lab), clock.Now) != ViewLevel.Hidden;
    }

    private static void Check(CreateTestObjectRequest request, TestObject o, CatalogueSnapshot snapshot) => new FieldChecks()
        .Require(request.TestObjectId.Length == 0 || ResourceNames.IsId(request.TestObjectId), "test_object_id", "must be 1–63 of a–z, 0–9 and '-'.")
        .Require(o.Kind is "cell" or "module" or "pack", "test_object.kind", $"is '{o.Kind}'; use cell, module or pack.")
        .Require(o.Title.Length is > 0 and <= 200, "test_object.title", "must be 1–200 characters.")
        .Require(o.NominalAmpereHour is > 0 and < 1e6, "test_object.nominal_ampere_hour", "must be above 0 Ah.")
        .Require(o.NominalWattHour is >= 0 and < 1e9, "test_object.nominal_watt_hour", "must be 0 Wh or more.")
        .Require(o.Condition is "new" or "aged" or "damaged" or "unknown", "test_object.condition", $"is '{o.Condition}'; use new, aged, damaged or unknown.")
        .Require(snapshot.HasCode("hazard-class", o.HazardClass), "test_object.hazard_class", $"is '{o.HazardClass}'; use one of {snapshot.CodesOf("hazard-class")}.")
        .Require(snapshot.HasCode("transport-status", o.TransportStatus), "test_object.transport_status", $"is '{o.TransportStatus}'; use one of {snapshot.CodesOf("transport-status")}.")
        .ThrowIfAny();
}
