using System.Text.Json;
using System.Text.Json.Nodes;

namespace BattKomp.Lab.Demo;

/// <summary>
/// The one path in one go: book, be refused, run over serial and MQTT, lose the agent to SIGKILL, seal, pull. Every figure of
/// the last line is measured: produced from the simulator's and the journal's own counts, stored from the server's ledger.
/// </summary>
internal sealed class Scenario(DemoLab lab, DemoOptions options)
{
    private const long KillAfter = 2_000;
    private readonly RestClient _student = lab.As("doctoral-student");
    private readonly RestClient _manager = lab.As("lab-manager");
    private readonly JsonArray _outages = [];
    private long _stored;
    private long _gaps;
    private long _duplicates;

    /// <summary>Plays it. Returns 0 when nothing was lost or doubled, else 1.</summary>
    public async Task<int> PlayAsync(CancellationToken cancel)
    {
        var output = Directory.CreateDirectory(options.Out).FullName;
        WriteDemoFile(output);
        var work = new Work(lab, _student);
        var start = lab.Time.GetUtcNow() + TimeSpan.FromSeconds(2);
        var booked = new List<(DemoBench Bench, string Booking, string CellTest)>();
        foreach (var bench in lab.Benches)
            booked.Add(await BookedAsync(work, bench, start, cancel));
        var refused = await OverlapIsRefusedAsync(work, start + TimeSpan.FromMinutes(10), cancel);

        var runs = new List<string>();
        foreach (var (_, booking, _) in booked) runs.Add(await RunOfAsync(booking, cancel));
        await LoseTheAgentAsync(runs, cancel);
        await FinishAsync(runs, cancel);
        foreach (var (bench, _, test) in booked)
            await PullAsync(test, bench == DemoBenches.Cycler ? output : Path.Combine(output, bench.Rig), cancel);
        var produced = lab.Cycler.Published + await SerialRecordsAsync(cancel);
        foreach (var run in await AllRunsAsync(cancel)) await CountAsync(run, cancel);
        Console.WriteLine(new JsonObject
        {
            ["conflict_refused"] = refused,
            ["records_produced"] = produced,
            ["records_stored"] = _stored,
            ["gaps"] = _gaps,
            ["duplicates"] = _duplicates,
            ["agent_restarts"] = lab.AgentRestarts,
            ["manifest"] = Path.Combine(output, "manifest.json"),
            ["outages"] = _outages,
        }.ToJsonString());
        return refused && produced == _stored && _gaps == 0 && _duplicates == 0 ? 0 : 1;
    }

    private async Task<(DemoBench Bench, string Booking, string CellTest)> BookedAsync(Work work, DemoBench bench, DateTimeOffset start, CancellationToken cancel)
    {
        var (code, answer, test) = await work.BookBenchAsync(bench, options, start, TimeSpan.FromHours(8), cancel);
        if (code != 0) throw new DemoException($"booking {bench.Channel} failed: {answer.ToJsonString()}");
        var name = answer["name"]!.GetValue<string>();
        Say($"booked {bench.Channel}: {name}");
        return (bench, name, test);
    }

    private async Task<bool> OverlapIsRefusedAsync(Work work, DateTimeOffset start, CancellationToken cancel)
    {
        var (code, answer) = await work.BookAsync("engineer", DemoBenches.Cycler.Channel, start, TimeSpan.FromMinutes(30), "", "", "Acceptance test", cancel);
        Say($"a second booking over it: exit {code}, {answer.ToJsonString()}");
        return code == 1 && answer.ToJsonString().Contains("CHANNEL_OCCUPIED", StringComparison.Ordinal);
    }

    private async Task<string> RunOfAsync(string booking, CancellationToken cancel)
    {
        var run = "";
        await lab.UntilAsync(async () =>
        {
            var found = (await _student.GetAsync($"/v1/runs?of={booking}", cancel))["runs"]?.AsArray();
            run = found is { Count: > 0 } ? found[0]!["name"]!.GetValue<string>() : "";
            return run.Length > 0;
        }, TimeSpan.FromSeconds(30), $"the lease of {booking} gives a run", cancel);
        Say($"the lease of {booking} is out: {run}");
        return run;
    }

    private async Task LoseTheAgentAsync(IReadOnlyList<string> runs, CancellationToken cancel)
    {
        foreach (var run in runs)
            await lab.UntilAsync(async () => await StoredAsync(run, cancel) > 0, TimeSpan.FromSeconds(60), $"records of {run} are stored", cancel);
        await lab.UntilAsync(() => Task.FromResult(lab.Cycler.Acked >= KillAfter || lab.Cycler.Finished), TimeSpan.FromMinutes(30), $"the cycler has published {KillAfter} records", cancel);
        await lab.KillAgentAsync();
        Say($"killed the agent with SIGKILL after {lab.Cycler.Acked} of the cycler's records were acknowledged");
        await lab.RestartAgentAsync(cancel);
        Say("the agent is back");
    }

    private async Task FinishAsync(IReadOnlyList<string> runs, CancellationToken cancel)
    {
        await lab.UntilAsync(() => Task.FromResult(lab.Cycler is { Finished: true, Unacknowledged: 0 }), TimeSpan.FromHours(8), "the cycler has finished and every record is acknowledged", cancel);
        foreach (var run in runs)
            if (await StateAsync(run, cancel) == "RUNNING_NOW" && run != runs[0])
                await StopAsync(run, cancel);
        foreach (var run in runs)
            await lab.UntilAsync(async () => await StateAsync(run, cancel) == "FINAL", TimeSpan.FromMinutes(2), $"{run} is final", cancel);
        Say("every run is final and sealed");
    }

    private async Task StopAsync(string run, CancellationToken cancel)
    {
        try
        {
            var result = await _student.PostAsync($"/v1/{run}:stop", new JsonObject { ["mode"] = "SAFE", ["reason"] = "the demo has seen enough", ["waitSeconds"] = 20 }, cancel);
            Say($"stopped {run}: {result.ToJsonString()}");
        }
        catch (DemoException) when (!cancel.IsCancellationRequested)
        {
            // It may have come to its own end in this very moment; anything else is a failure.
            if (await StateAsync(run, cancel) is not ("ENDED" or "FINAL")) throw;
            Say($"{run} has ended by itself");
        }
    }

    private async Task CountAsync(string run, CancellationToken cancel)
    {
        var account = await _manager.GetAsync($"/v1/{run}/completeness", cancel);
        Say($"{run}: {account["sentence"]}");
        _stored += Number(account["records"]);
        _gaps += Math.Max(Number(account["missing"]), account["complete"]!.GetValue<bool>() ? 0 : 1);
        _duplicates += Number(account["duplicates"]);
        foreach (var outage in account["outages"]?.AsArray() ?? []) _outages.Add(outage!.DeepClone());
    }

    private async Task PullAsync(string cellTest, string folder, CancellationToken cancel)
    {
        var (code, output, error) = await lab.CliAsync("doctoral-student", cancel, "datasets", "create", "--of", cellTest, "--json");
        if (code != 0) throw new DemoException($"datasets create: {output} {error}");
        var name = JsonNode.Parse(output)!["name"]!.GetValue<string>();
        (code, output, error) = await lab.CliAsync("doctoral-student", cancel, "datasets", "pull", name, "--out", folder, "--json");
        if (code != 0) throw new DemoException($"datasets pull: {output} {error}");
        Say($"pulled {name} into {folder}");
    }

    // A tester talks on when its run is over: those records are stored too, in a run without a booking.
    private async Task<IReadOnlyList<string>> AllRunsAsync(CancellationToken cancel)
    {
        var all = new List<string>();
        foreach (var channel in lab.Benches.Select(b => b.Channel))
            all.AddRange((await _manager.GetAsync($"/v1/runs?of={channel}&pageSize=500", cancel))["runs"]!.AsArray().Select(r => r!["name"]!.GetValue<string>()));
        return all;
    }

    private async Task<long> SerialRecordsAsync(CancellationToken cancel)
    {
        await lab.StopAgentAsync();
        var journal = await lab.ReadJournalAsync(cancel);
        return journal["streams"]!.AsArray().Where(s => s!["channel"]!.GetValue<string>() != DemoBenches.Cycler.Channel).Sum(s => Number(s!["records"]));
    }

    private async Task<long> StoredAsync(string run, CancellationToken cancel) => Number((await _student.GetAsync($"/v1/{run}/completeness", cancel))["records"]);

    private async Task<string> StateAsync(string run, CancellationToken cancel) => (await _student.GetAsync($"/v1/{run}", cancel))["state"]!.GetValue<string>();

    // int64 travels as a string in protobuf JSON.
    private static long Number(JsonNode? node) => node is null ? 0 : node.GetValueKind() == JsonValueKind.String ? long.Parse(node.GetValue<string>()) : node.GetValue<long>();

    private void WriteDemoFile(string output)
    {
        var file = Path.Combine(output, "demo.json");
        File.WriteAllText(file + ".tmp", new JsonObject
        {
            ["http"] = lab.Http,
            ["grpc"] = lab.Grpc,
            ["personas"] = new JsonArray([.. lab.Personas.Select(p => new JsonObject { ["person"] = $"persons/{p.Id}", ["title"] = p.Title, ["role"] = p.Role, ["token"] = p.Token })]),
        }.ToJsonString());
        File.Move(file + ".tmp", file, overwrite: true);
    }

    private static void Say(string what) => Console.Error.WriteLine(what);
}
