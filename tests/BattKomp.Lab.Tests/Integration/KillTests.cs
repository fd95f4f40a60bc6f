using System.Text.Json.Nodes;
using BattKomp.Lab.Demo;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Integration;

/// <summary>
/// SIGKILL at random moments, server and agent as real processes, records over a pseudo-terminal and MQTT: what was
/// acknowledged is there, once, and the server says so itself.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("lane", "full")]
    public Task Killing_agent_server_or_both_fifty_times_loses_no_acknowledged_record_and_doubles_none() => KillAsync(rounds: 50, seed: 20261123);

    [Fact]
    public Task Killing_agent_server_or_both_three_times_loses_no_acknowledged_record_and_doubles_none() => KillAsync(rounds: 3, seed: 7);

    private async Task KillAsync(int rounds, int seed)
    {
        var random = new Random(seed);
        // A cell model that never finishes: records flow for as long as the killing goes on.
        await using var lab = await DemoLab.StartAsync(new DemoOptions { Once = true, Speed = 3_000, Cycles = 100_000, Benches = [DemoBenches.Cycler, DemoBenches.Ebc] }, TimeProvider.System, Cancel);
        using var student = new RestClient(lab.Http, lab.Token("doctoral-student"));
        var runs = await StartRunsAsync(lab, student);
        for (var round = 0; round < rounds; round++)
        {
            var enough = lab.Cycler.Acked + random.Next(1, 150);
            await lab.UntilAsync(() => Task.FromResult(lab.Cycler.Acked >= enough), TimeSpan.FromSeconds(60), $"round {round}: the cycler gets records acknowledged", Cancel);
            var victims = random.Next(3);
            if (victims is 0 or 2) await lab.KillAgentAsync();
            if (victims is 1 or 2) await lab.KillServerAsync();
            if (victims is 1 or 2) await lab.RestartServerAsync(Cancel);
            if (victims is 0 or 2) await lab.RestartAgentAsync(Cancel);
        }

        await StopAndSealAsync(lab, student, runs);
        var acked = lab.Cycler.Acked;
        var cycler = await student.GetAsync($"/v1/{runs.Cycler}/completeness", Cancel);
        var ebc = await student.GetAsync($"/v1/{runs.Ebc}/completeness", Cancel);
        output.WriteLine($"{rounds} rounds, {lab.AgentRestarts} agent restarts; cycler: {cycler["sentence"]}; EBC: {ebc["sentence"]}");
        Assert.Equal(acked, Number(cycler["records"]));
        await AssertEveryMessageIsThereOnceAsync(lab, runs.Cycler, acked);
        foreach (var account in new[] { cycler, ebc })
        {
            Assert.True(account["complete"]!.GetValue<bool>(), account.ToJsonString());
            Assert.Equal(0, Number(account["missing"]));
            Assert.Equal(0, Number(account["duplicates"]));
            Assert.Equal(0, Number(account["quarantined"]));
        }
        await AssertJournalAgreesAsync(lab, runs.Ebc, Number(ebc["records"]));
    }

    private static async Task<(string Cycler, string Ebc)> StartRunsAsync(DemoLab lab, RestClient student)
    {
        var work = new Work(lab, student);
        // A program long enough to outlast the killing.
        var procedure = await work.ProcedureAsync(DemoBenches.Ebc, new DemoOptions { Speed = 1_000_000 }, Cancel);
        var start = lab.Time.GetUtcNow() + TimeSpan.FromSeconds(2);
        var bookings = new[]
        {
            await work.BookAsync("doctoral-student", DemoBenches.Cycler.Channel, start, TimeSpan.FromHours(4), "", "", "kill test", Cancel),
            await work.BookAsync("doctoral-student", DemoBenches.Ebc.Channel, start, TimeSpan.FromHours(4), "", procedure, "kill test", Cancel),
        };
        Assert.All(bookings, b => Assert.True(b.ExitCode == 0, b.Answer.ToJsonString()));
        var runs = new List<string>();
        foreach (var booking in bookings)
        {
            JsonArray? found = null;
            await lab.UntilAsync(
                async () => (found = (await student.GetAsync($"/v1/runs?of={booking.Answer["name"]}", Cancel))["runs"]?.AsArray()) is { Count: > 0 },
                TimeSpan.FromSeconds(30), "the booking has a run", Cancel);
            runs.Add(found![0]!["name"]!.GetValue<string>());
            await lab.UntilAsync(async () => Number((await student.GetAsync($"/v1/{runs[^1]}/completeness", Cancel))["records"]) > 0,
                TimeSpan.FromSeconds(60), $"records of {runs[^1]}", Cancel);
        }
        return (runs[0], runs[1]);
    }

    private async Task StopAndSealAsync(DemoLab lab, RestClient student, (string Cycler, string Ebc) runs)
    {
        foreach (var run in new[] { runs.Cycler, runs.Ebc })
        {
            // A run that ended by itself is a finding of its own: its reason is the message.
            var before = await student.GetAsync($"/v1/{run}", Cancel);
            Assert.False(before["state"]!.GetValue<string>() is "ENDED" or "FINAL", before.ToJsonString());
            var stopped = await student.PostAsync($"/v1/{run}:stop", new JsonObject { ["mode"] = "SAFE", ["reason"] = "the killing is over", ["waitSeconds"] = 30 }, Cancel);
            output.WriteLine(stopped.ToJsonString());
        }
        try
        {
            await lab.UntilAsync(() => Task.FromResult(lab.Cycler is { Stopped: true, Unacknowledged: 0 }), TimeSpan.FromSeconds(60), "the cycler has handed everything over", Cancel);
        }
        catch (DemoException e)
        {
            Assert.Fail($"{lab.Cycler}\n{e.Message}");
        }
        foreach (var run in new[] { runs.Cycler, runs.Ebc })
            await lab.UntilAsync(async () => (await student.GetAsync($"/v1/{run}", Cancel))["state"]!.GetValue<string>() == "FINAL", TimeSpan.FromMinutes(2), $"{run} is final", Cancel);
    }

    // The device's own counter, pulled with the dataset, is a witness outside our sequences.
    private static async Task AssertEveryMessageIsThereOnceAsync(DemoLab lab, string run, long published)
    {
        var folder = Directory.CreateTempSubdirectory("battlab-kill-").FullName;
        try
        {
            var (code, made, error) = await lab.CliAsync("doctoral-student", Cancel, "datasets", "create", "--of", run, "--json");
            Assert.True(code == 0, made + error);
            (code, _, error) = await lab.CliAsync("doctoral-student", Cancel, "datasets", "pull", JsonNode.Parse(made)!["name"]!.GetValue<string>(), "--out", folder, "--json");
            Assert.True(code == 0, error);
            var lines = await File.ReadAllLinesAsync(Directory.GetFiles(folder, "*.bdf.csv").Single(), Cancel);
            var column = Array.IndexOf(lines[0].Split(','), "device_counter");
            Assert.True(column >= 0, lines[0]);
            var counters = lines.Skip(1).Select(l => double.Parse(l.Split(',')[column])).Order().ToArray();
            Assert.Equal(Enumerable.Range(1, (int)published).Select(n => (double)n), counters);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task AssertJournalAgreesAsync(DemoLab lab, string run, long stored)
    {
        await lab.StopAgentAsync();
        var journal = await lab.ReadJournalAsync(Cancel);
        var read = journal["streams"]!.AsArray().Where(s => s!["run"]!.GetValue<string>() == run).Sum(s => Number(s!["records"]));
        Assert.Equal(read, stored);
    }

    private static long Number(JsonNode? node) => node is null ? 0 : long.Parse(node.ToString());
}
