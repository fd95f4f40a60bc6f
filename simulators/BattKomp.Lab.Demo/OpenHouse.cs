namespace BattKomp.Lab.Demo;

/// <summary>The lab stays open until Ctrl-C, with a booking under way so that there is something to see.</summary>
internal sealed class OpenHouse(DemoLab lab, DemoOptions options)
{
    /// <summary>Prints what to try and waits. Returns the exit code.</summary>
    public async Task<int> StayAsync(CancellationToken cancel)
    {
        var work = new Work(lab, lab.As("doctoral-student"));
        var procedure = await work.EbcProcedureAsync(options.Speed, cancel);
        var start = DateTimeOffset.FromUnixTimeSeconds(lab.Time.GetUtcNow().ToUnixTimeSeconds() + 3);
        var hour = TimeSpan.FromHours(1);
        await Must(work.BookAsync("doctoral-student", DemoSeed.EbcChannel, start, hour,
            await work.CellTestAsync("1C cycling", DemoSeed.EbcCell, procedure, cancel), procedure, "1C cycling", cancel));
        var vendor = await work.VendorProcedureAsync(options, cancel);
        await Must(work.BookAsync("doctoral-student", DemoSeed.CyclerChannel, start, hour,
            await work.CellTestAsync("Pouch cycling", DemoSeed.CyclerCell, vendor, cancel), vendor, "Pouch cycling", cancel));
        Console.WriteLine(Welcome());
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, lab.Time, cancel);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("Closing: instruments, agent, server.");
        }
        return 0;
    }

    private static async Task Must(Task<(int ExitCode, System.Text.Json.Nodes.JsonNode Answer)> booking)
    {
        var (code, answer) = await booking;
        if (code != 0) throw new DemoException($"the demo's own booking was refused: {answer.ToJsonString()}");
    }

    private string Welcome()
    {
        var cli = "dotnet " + Path.Combine(AppContext.BaseDirectory, "cli", "battlab.dll");
        var tokens = string.Join(Environment.NewLine, lab.Personas.Select(p => $"  {p.Title,-38} {p.Token}"));
        return $"""

            The lab is open. All of it is simulated, and says so in every dataset.

              Page and REST   {lab.Http}
              gRPC            {lab.Grpc}

            Be one of six; the token signs you in on the page and in the CLI:
            {tokens}

            Try:
              1. Open {lab.Http} and sign in as the doctoral student: two runs are under way.
              2. export BATTLAB_SERVER={lab.Grpc} BATTLAB_TOKEN={lab.Token("engineer")}
              3. {cli} rigs list
              4. {cli} book --channel {DemoSeed.CyclerChannel} --start +10m --for 30m --purpose service --activity economic --level none --headcount 1
                 It is refused, with the reason and the nearest time that would do.
              5. {cli} runs list   then   {cli} runs watch NAME

            Ctrl-C closes the lab.
            """;
    }
}
