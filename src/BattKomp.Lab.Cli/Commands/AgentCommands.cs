using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>agents list | enrol | revoke</summary>
internal static class AgentCommands
{
    public static Command Create(Globals globals) => new("agents", "The agents beside the rigs and their keys (lab staff).") { List(globals), Enrol(globals), Revoke(globals) };

    private static Command List(Globals globals)
    {
        var command = new Command("list", "List the agents of your labs.");
        globals.Run(command, async session =>
        {
            var all = new ListAgentsResponse();
            var request = new ListAgentsRequest();
            do
            {
                var page = await session.Connection.Agents.ListAgentsAsync(request, session.Connection.Question(session.Cancel));
                all.Agents.Add(page.Agents);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(all, () => Text(session.Report, all));
        });
        return command;
    }

    private static Command Enrol(Globals globals)
    {
        var agent = new Argument<string>("agent") { Description = "agents/…, new or known" };
        var lab = new Option<string>("--lab") { Description = "labs/… whose rigs it serves", Required = true };
        var hours = new Option<double>("--hours") { Description = "how long the token is good for (else 24)", DefaultValueFactory = _ => 24 };
        var command = new Command("enrol", "Invite an agent: prints a token that works once and is shown only here (lab managers).") { agent, lab, hours };
        globals.Run(command, async session =>
        {
            if (session.Get(hours) is not (> 0 and <= 720)) throw CliException.Invalid("USAGE", "--hours must be above 0 and at most 720.", "Leave it out for 24.");
            var request = new CreateEnrolmentRequest
            {
                Lab = Names.Full(session.Get(lab)!, "labs"),
                AgentId = Names.Full(session.Get(agent), "agents")["agents/".Length..],
                ExpireTime = Timestamp.FromDateTimeOffset(session.Host.Time.GetUtcNow().AddHours(session.Get(hours))),
            };
            var made = await session.Connection.Agents.CreateEnrolmentAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(made, () =>
            {
                session.Report.Line($"{made.Agent} of {made.Lab} may enrol once, until {made.ExpireTime.ToDateTime():yyyy-MM-dd HH:mm} UTC. On its machine:");
                session.Report.Line($"battlab-agent enrol --config FILE --token {made.Token}", 2);
                session.Report.Line("The token is not shown again. Enrolling ends the key and the tokens that the agent had before.");
            });
        });
        return command;
    }

    private static Command Revoke(Globals globals)
    {
        var agent = new Argument<string>("agent") { Description = "agents/…" };
        var reason = new Option<string>("--reason") { Description = "why; kept in the audit", Required = true };
        var command = new Command("revoke", "Stop trusting an agent now: it gets no lease, and its data is kept aside (lab managers).") { agent, reason };
        globals.Run(command, async session =>
        {
            var request = new RevokeAgentRequest { Name = Names.Full(session.Get(agent), "agents"), Reason = session.Get(reason)!, RequestId = Names.NewRequestId() };
            var revoked = await session.Connection.Agents.RevokeAgentAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(revoked, () => session.Report.Line($"{revoked.Name} is revoked. To trust it again, enrol it anew."));
        });
        return command;
    }

    private static void Text(Report report, ListAgentsResponse all)
    {
        report.Line(all.Agents.Count == 0 ? "There are no agents to see." : $"{Words.Count(all.Agents.Count, "agent")}:");
        foreach (var agent in all.Agents)
        {
            report.Line();
            report.Line($"{agent.Name}: {(agent.Revoked ? "REVOKED" : agent.Connected ? "connected" : "not connected")}");
            report.Line($"lab {agent.Lab}", 2);
            report.Line(agent.EnrolTime is null ? "proves itself by a token" : $"holds its own key since {agent.EnrolTime.ToDateTime():yyyy-MM-dd HH:mm} UTC", 2);
            if (agent.LastSeen is not null) report.Line($"last heard {agent.LastSeen.ToDateTime():yyyy-MM-dd HH:mm:ss} UTC", 2);
        }
    }
}
