using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Incidents;

/// <summary>Registers the slice.</summary>
public static class IncidentsFeature
{
    /// <summary>Incidents and their handler.</summary>
    public static IServiceCollection AddIncidents(this IServiceCollection services) => services.AddSingleton<Incidents>().AddSingleton<LockedTimes>().AddSingleton<IncidentServiceHandler>();
}

/// <summary>incidents.proto on the wire.</summary>
public sealed class IncidentServiceHandler(
    Incidents incidents, Catalogue.Catalogue catalogue, CalendarDatabase database, RequestLog requests, Orders orders, Policy policy) : IncidentService.IncidentServiceBase
{
    /// <inheritdoc/>
    public override async Task<ListIncidentsResponse> ListIncidents(ListIncidentsRequest request, ServerCallContext context)
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
            (after, limit) => database.ReadAsync(tx => IncidentStore.AfterAsync(tx, condition, request.Of, request.OpenOnly, after, limit, cancel), cancel),
            incident => person.IsStaffOf(incident.Lab), incident => incident.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListIncidentsResponse { Incidents = { page }, NextPageToken = next };
    }

    /// <inheritdoc/>
    public override Task<Incident> GetIncident(GetIncidentRequest request, ServerCallContext context) => FindAsync(context.Person(), request.Name, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<Incident> ReleaseIncident(ReleaseIncidentRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks()
            .Require(request.Reason.Trim().Length is > 0 and <= 500, "reason", "is required, at most 500 characters: it is kept in the audit.")
            .ThrowIfAny();
        var seen = await FindAsync(person, request.Name, cancel);
        policy.RequireManager(person, seen.Lab, $"release {seen.Name}");
        var rig = (await catalogue.GetAsync(cancel)).Rig(seen.Rig) ?? throw LabErrors.NotFound(seen.Rig);
        var answer = await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Incident.Parser, async tx =>
        {
            var now = await IncidentStore.FindAsync(tx, request.Name, cancel) ?? throw LabErrors.NotFound(request.Name);
            if (now.State is not Incident.Types.State.Open) throw LabErrors.WrongState(now.Name, "RELEASED", "OPEN");
            await incidents.ReleaseAsync(tx, now, rig, person.Name, request.Reason, cancel);
            return (await IncidentStore.FindAsync(tx, request.Name, cancel))!;
        }, cancel);
        catalogue.Forget();
        orders.Wake();
        return answer;
    }

    private async Task<Incident> FindAsync(PersonCaller person, string name, CancellationToken cancel)
    {
        var found = await database.ReadAsync(tx => IncidentStore.FindAsync(tx, name, cancel), cancel);
        return found is not null && person.IsStaffOf(found.Lab) ? found : throw LabErrors.NotFound(name);
    }
}
