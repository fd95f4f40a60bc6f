using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>policies list | explain | create | retire</summary>
internal static class PolicyCommands
{
    public static Command Create(Globals globals) =>
        new("policies", "What nation, organisation, lab and rig ask of bookings; the strictest word holds.") { List(globals), Explain(globals), Add(globals), Retire(globals) };

    private static Command List(Globals globals)
    {
        var scope = new Option<string?>("--scope") { Description = "only of nations/NO, organisations/…, labs/… or rigs/…" };
        var retired = new Option<bool>("--all") { Description = "also retired ones" };
        var command = new Command("list", "Policies in force and to come.") { scope, retired };
        globals.Run(command, async session =>
        {
            var found = await session.Connection.Policies.ListPoliciesAsync(new ListPoliciesRequest { Scope = session.Get(scope) ?? "", IncludeRetired = session.Get(retired) }, session.Connection.Question(session.Cancel));
            session.Report.Answer(found, () =>
            {
                session.Report.Line($"{found.Policies.Count} {(found.Policies.Count == 1 ? "policy" : "policies")}.");
                foreach (var policy in found.Policies) session.Report.Line($"{policy.Name}  {policy.Scope}  {policy.Cites}{(policy.RetireTime is null ? "" : "  retired")}");
            });
        });
        return command;
    }

    private static Command Explain(Globals globals)
    {
        var resource = new Argument<string>("resource") { Description = "rigs/…, rigs/…/channels/… or labs/…" };
        var activity = new Option<string?>("--activity") { Description = "activity class code; what binds every class when not given" };
        var command = new Command("explain", "Every limit on bookings of a resource, whose word it is, and who said something milder.") { resource, activity };
        globals.Run(command, async session =>
        {
            var told = await session.Connection.Policies.ExplainPolicyAsync(
                new ExplainPolicyRequest { Resource = Names.Full(session.Get(resource)!, "rigs"), ActivityClass = session.Get(activity) ?? "" }, session.Connection.Question(session.Cancel));
            session.Report.Answer(told, () =>
            {
                foreach (var limit in told.Limits)
                {
                    session.Report.Line($"{limit.Limit.Replace('_', ' ')}: {limit.Value}, says {limit.Scope}{(limit.Cites.Length > 0 ? $" ({limit.Cites})" : "")}");
                    foreach (var other in limit.Overruled) session.Report.Line($"{other.Scope} says {other.Value}", 2);
                }
            });
        });
        return command;
    }

    private static Command Add(Globals globals)
    {
        var file = new Argument<string>("file") { Description = "a policy as JSON, e.g. {\"scope\":\"labs/…\",\"maxLengthMinutes\":480,\"cites\":\"House rule 1\"}" };
        var dry = new Option<bool>("--dry-run") { Description = "only say whether it would be accepted" };
        var command = new Command("create", "Set a policy from now on, or from its effectiveTime.") { file, dry };
        globals.Run(command, async session =>
        {
            BookingPolicy policy;
            try
            {
                policy = BookingPolicy.Parser.ParseJson(await File.ReadAllTextAsync(session.Get(file)!, session.Cancel));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidProtocolBufferException or InvalidJsonException)
            {
                throw CliException.Invalid("FIELDS_INVALID", $"{session.Get(file)} is no policy: {e.Message}", "Write it as JSON with the fields of BookingPolicy in protos/battkomp/lab/v1/policies.proto.");
            }
            var request = new CreatePolicyRequest { Policy = policy, ValidateOnly = session.Get(dry), RequestId = Names.NewRequestId() };
            var made = await session.Connection.Policies.CreatePolicyAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(made, () => session.Report.Line(request.ValidateOnly ? "This would be accepted; nothing was set." : $"{made.Name} is in force for {made.Scope}."));
        });
        return command;
    }

    private static Command Retire(Globals globals)
    {
        var name = new Argument<string>("policy") { Description = "policies/…" };
        var reason = new Option<string>("--reason") { Description = "why", Required = true };
        var command = new Command("retire", "End a policy now; bookings made under it stay.") { name, reason };
        globals.Run(command, async session =>
        {
            var retired = await session.Connection.Policies.RetirePolicyAsync(
                new RetirePolicyRequest { Name = Names.Full(session.Get(name), "policies"), Reason = session.Get(reason)!, RequestId = Names.NewRequestId() }, session.Connection.Question(session.Cancel));
            session.Report.Answer(retired, () => session.Report.Line($"{retired.Name} is retired."));
        });
        return command;
    }
}
