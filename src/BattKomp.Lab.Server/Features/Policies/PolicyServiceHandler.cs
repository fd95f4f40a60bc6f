using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Policies;

/// <summary>Registers the slice.</summary>
public static class PoliciesFeature
{
    /// <summary>The policies and their handler.</summary>
    public static IServiceCollection AddPolicies(this IServiceCollection services) => services.AddSingleton<Policies>().AddSingleton<PolicyServiceHandler>();
}

/// <summary>policies.proto on the wire.</summary>
public sealed class PolicyServiceHandler(
    Catalogue.Catalogue catalogue, Policies policies, CalendarDatabase database, RequestLog requests, Audit audit, BookingOptions options, MachineClock clock) : PolicyService.PolicyServiceBase
{
    /// <inheritdoc/>
    public override async Task<BookingPolicy> CreatePolicy(CreatePolicyRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        var snapshot = await catalogue.GetAsync(cancel);
        var policy = PolicyFields.Read(request.Policy, snapshot, clock.Now);
        RequireScope(person, policy.Scope, snapshot);
        if (request.ValidateOnly) return policy;
        var made = await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, BookingPolicy.Parser, async tx =>
        {
            (policy.Name, policy.SetBy) = ("policies/" + Guid.CreateVersion7().ToString("N"), person.Name);
            await Policies.InsertAsync(tx, policy, Micros.FromInstant(clock.Now), cancel);
            await audit.WriteAsync(tx, person.Name, "create-policy", policy.Name, policy.Cites, policy.Scope, cancel);
            return policy;
        }, cancel);
        policies.Forget();
        return made;
    }

    /// <inheritdoc/>
    public override async Task<BookingPolicy> RetirePolicy(RetirePolicyRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks().Require(!string.IsNullOrWhiteSpace(request.Reason) && request.Reason.Length <= 500, "reason", "must say why, in 1 to 500 characters.").ThrowIfAny();
        var snapshot = await catalogue.GetAsync(cancel);
        var retired = await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, BookingPolicy.Parser, async tx =>
        {
            var found = (await Policies.ReadAsync(tx, "name = @n", cancel, ("n", request.Name))).SingleOrDefault() ?? throw LabErrors.NotFound(request.Name);
            RequireScope(person, found.Scope, snapshot);
            var now = Micros.FromInstant(clock.Now);
            if (await tx.ExecuteAsync("UPDATE policies SET retired_us = @t, retired_by = @p WHERE name = @n AND retired_us IS NULL", cancel, ("t", now), ("p", person.Name), ("n", found.Name)) == 0)
                throw new LabException(Reason.WrongState, $"'{found.Name}' is retired already; nothing needs to be done.") { Metadata = { ["name"] = found.Name, ["state"] = "RETIRED", ["allowed"] = "IN_FORCE" } };
            await audit.WriteAsync(tx, person.Name, "retire-policy", found.Name, request.Reason, found.Scope, cancel);
            found.RetireTime = BookingTimes.Stamp(now);
            return found;
        }, cancel);
        policies.Forget();
        return retired;
    }

    /// <inheritdoc/>
    public override async Task<ListPoliciesResponse> ListPolicies(ListPoliciesRequest request, ServerCallContext context)
    {
        var where = (request.Scope.Length > 0 ? "scope = @s" : "1 = 1") + (request.IncludeRetired ? "" : " AND retired_us IS NULL");
        return new ListPoliciesResponse { Policies = { await database.ReadAsync(tx => Policies.ReadAsync(tx, where, context.CancellationToken, ("s", request.Scope)), context.CancellationToken) } };
    }

    /// <inheritdoc/>
    public override async Task<ExplainPolicyResponse> ExplainPolicy(ExplainPolicyRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var snapshot = await catalogue.GetAsync(cancel);
        new FieldChecks().Require(request.ActivityClass.Length == 0 || snapshot.HasCode("activity-class", request.ActivityClass), "activity_class", $"must be one of {snapshot.CodesOf("activity-class")}.").ThrowIfAny();
        var channels = snapshot.Lab(request.Resource) is { } lab ? snapshot.Rigs.Where(r => r.Lab == lab.Name).SelectMany(r => r.Channels).Take(1).Select(c => c.Name).ToList()
            : snapshot.Rig(request.Resource) is { } rig ? [rig.Name]
            : snapshot.Channel(request.Resource) is not null ? [request.Resource] : throw LabErrors.NotFound(request.Resource);
        var layers = (await policies.OverAsync(channels, request.ActivityClass, snapshot, cancel)).Layers.Select(l => l.Layer);
        // A lab is asked about without its rigs.
        if (snapshot.Lab(request.Resource) is not null) layers = layers.Where(l => !l.Scope.StartsWith("rigs/", StringComparison.Ordinal));
        return new ExplainPolicyResponse { Limits = { EffectivePolicy.Explain(options.Limits(), [.. layers]).Select(ToProto) } };
    }

    private static V1.ExplainedLimit ToProto(Domain.Bookings.Policies.ExplainedLimit limit)
    {
        var seen = new V1.ExplainedLimit { Limit = limit.Limit, Value = limit.Value, Scope = limit.Scope, Cites = limit.Cites };
        seen.Overruled.AddRange(limit.Overruled.Select(o => new V1.ExplainedLimit.Types.Overruled { Scope = o.Scope, Value = o.Value }));
        return seen;
    }

    private static void RequireScope(PersonCaller person, string scope, CatalogueSnapshot snapshot)
    {
        var allowed = scope.StartsWith("nations/", StringComparison.Ordinal) ? person.Has(Roles.Coordinator)
            : scope.StartsWith("organisations/", StringComparison.Ordinal) ? snapshot.Labs.Any(l => l.Organisation == scope && person.Manages(l.Name))
            : person.Manages(snapshot.Rig(scope)?.Lab ?? scope);
        if (!allowed) throw LabErrors.NotAllowed($"set policies of {scope}", scope.StartsWith("nations/", StringComparison.Ordinal) ? "Ask a national coordinator." : "Ask a manager of the lab.");
    }
}
