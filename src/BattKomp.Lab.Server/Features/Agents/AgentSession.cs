using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>
/// One agent's standing line, from hello to its end. Orders go out in the order of giving, each once a line, and again on the
/// next line until answered; reports move leases and runs.
/// </summary>
public sealed class AgentSession(
    AgentRegister agents, AgentLines lines, Orders orders, Leases.Leases leases, LeaseKeyFile key, RunRegister runs, Incidents.Incidents incidents, CalendarDatabase database, MachineClock clock,
    ILogger<AgentSession> log)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>Serves the line until the agent leaves or is fenced.</summary>
    /// <exception cref="Platform.Errors.LabException">AGENT_FENCED; BATCH_MALFORMED when the first report is not a hello.</exception>
    public async Task RunAsync(AgentCaller agent, IAsyncStreamReader<AgentReport> reports, IServerStreamWriter<AgentOrder> writer, CancellationToken cancel)
    {
        if (!await reports.MoveNext(cancel) || reports.Current.Hello is not { } hello)
            throw AgentErrors.Malformed("The first report on a line must be a hello.");
        await agents.TakeOverAsync(agent, hello, cancel);
        var line = lines.Open(agent.Name, hello.Boot);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            await leases.ResumeAsync(agent.Name, hello.HeldLeases, cancel);
            await writer.WriteAsync(new AgentOrder { Welcome = new Welcome { ServerTime = Timestamps.FromInstant(clock.Now), KeyId = key.Public.KeyId } }, cancel);
            var sending = SendAsync(line, writer, over.Token);
            var receiving = ReceiveAsync(agent, reports, over.Token);
            await await Task.WhenAny(sending, receiving, line.Fenced);
            if (line.Fenced.IsCompleted) throw AgentErrors.Fenced(agent.Name, "another line of it was opened.");
        }
        finally
        {
            await over.CancelAsync();
            lines.Close(line);
        }
    }

    private async Task SendAsync(AgentLine line, IServerStreamWriter<AgentOrder> writer, CancellationToken cancel)
    {
        var sent = new HashSet<string>();
        while (true)
        {
            var next = orders.Given;
            var waiting = await orders.WaitingAsync(line.Agent, cancel);
            foreach (var order in waiting.Where(o => sent.Add(o.Id)))
                await writer.WriteAsync(await FreshAsync(order, cancel), cancel);
            if (waiting.Count == 0) sent.Clear();
            await Pulse.WaitAsync(next, LookAgain, clock.Provider, cancel);
            // Another server may have given the line to a newer boot.
            if (!await agents.IsCurrentBootAsync(line.Agent, line.Boot, cancel)) line.Fence();
        }
    }

    // A lease carries the time of this sending under its signature.
    private async Task<AgentOrder> FreshAsync(Order order, CancellationToken cancel)
    {
        if (order.Kind is not OrderKind.Lease) return order.Message;
        var lease = await leases.FindAsync(order.Lease, cancel) ?? throw new InvalidOperationException($"Order {order.Id} names {order.Lease}, which is not stored.");
        lease.ServerTime = Timestamps.FromInstant(clock.Now);
        return new AgentOrder { OrderId = order.Id, Lease = key.Sign(lease) };
    }

    private async Task ReceiveAsync(AgentCaller agent, IAsyncStreamReader<AgentReport> reports, CancellationToken cancel)
    {
        long? seen = null;
        while (await NextAsync(reports, cancel))
        {
            await TakeAsync(agent.Name, reports.Current, cancel);
            if (seen is { } stamp && clock.Provider.GetElapsedTime(stamp) < LookAgain) continue;
            await agents.SeenAsync(agent.Name, cancel);
            seen = clock.Provider.GetTimestamp();
        }
    }

    // A line that breaks is the ordinary end of one: the agent was killed, or its network went.
    private static async Task<bool> NextAsync(IAsyncStreamReader<AgentReport> reports, CancellationToken cancel)
    {
        try
        {
            return await reports.MoveNext(cancel);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task TakeAsync(string agent, AgentReport report, CancellationToken cancel)
    {
        switch (report.ReportCase)
        {
            case AgentReport.ReportOneofCase.LeaseTaken:
                await leases.TakenAsync(agent, report.LeaseTaken, cancel);
                break;
            case AgentReport.ReportOneofCase.Channel:
                await runs.ReportedAsync(agent, report.Channel, cancel);
                break;
            case AgentReport.ReportOneofCase.OrderDone:
                await DoneAsync(agent, report.OrderDone, cancel);
                break;
            case AgentReport.ReportOneofCase.Incident:
                await incidents.ReportedAsync(agent, report.Incident, cancel);
                break;
            case AgentReport.ReportOneofCase.Heartbeat:
                if (report.Heartbeat.JournalUsedFraction >= 0.85)
                    log.LogWarning("{Agent}: its journal is {Used:P0} full, {Waiting} entries wait.", agent, report.Heartbeat.JournalUsedFraction, report.Heartbeat.JournalEntriesWaiting);
                break;
            default:
                throw AgentErrors.Malformed($"A report of kind {report.ReportCase} has no place here; only the first is a hello.");
        }
    }

    private async Task DoneAsync(string agent, OrderDone done, CancellationToken cancel)
    {
        if (!double.IsFinite(done.SecondsToSafe) || done.SecondsToSafe < 0) throw AgentErrors.Malformed($"order_done.seconds_to_safe is {done.SecondsToSafe}; it must be 0 s or more.");
        var order = await database.WriteAsync(tx => orders.AnswerAsync(tx, agent, done.OrderId, done.Done, done.SecondsToSafe, done.Detail, cancel), cancel);
        orders.NoteAnswered();
        if (order is { Kind: OrderKind.Stop, Done: true, Run.Length: > 0 }) await runs.StoppedAsync(order.Run, cancel);
    }
}
