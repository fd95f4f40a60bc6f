namespace BattKomp.Lab.Demo;

/// <summary>The lab stays open until Ctrl-C, with a booking under way so that there is something to see.</summary>
internal sealed class OpenHouse(DemoLab lab, DemoOptions options)
{
    /// <summary>Prints what to try and waits. Returns the exit code.</summary>
    public async Task<int> StayAsync(CancellationToken cancel)
    {
        var work = new Work(lab, lab.As("doctoral-student"));
        var start = DateTimeOffset.FromUnixTimeSeconds(lab.Time.GetUtcNow().ToUnixTimeSeconds() + 3);
        foreach (var bench in lab.Benches)
        {
            var (code, answer, _) = await work.BookBenchAsync(bench, options, start, TimeSpan.FromHours(1), cancel);
            if (code != 0) throw new DemoException($"the demo's own booking of {bench.Channel} was refused: {answer.ToJsonString()}");
        }
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

    private string Welcome()
    {
        var cli = "dotnet " + Path.Combine(AppContext.BaseDirectory, "cli", "battlab.dll");
        var tokens = string.Join(Environment.NewLine, lab.Personas.Select(p => $"  {p.Title,-38} {p.Token}"));
        return $"""

            The lab is open. All of it is simulated, and says so in every dataset.

              Page and REST   {lab.Http}
              gRPC            {lab.Grpc}
              The agent       {lab.AgentPage} (stops every channel, also without the server)

            Be one of six; the token signs you in on the page and in the CLI:
            {tokens}

            Try:
              1. Open {lab.Http} and sign in as the doctoral student: {lab.Benches.Count} runs are under way.
              2. export BATTLAB_SERVER={lab.Grpc} BATTLAB_TOKEN={lab.Token("engineer")}
              3. {cli} rigs list
              4. {cli} book --channel {DemoBenches.Cycler.Channel} --start +10m --for 30m --purpose service --activity economic --level none --headcount 1
                 It is refused, with the reason and the nearest time that would do.
              5. {cli} runs list   then   {cli} runs watch NAME

            Ctrl-C closes the lab.
            """;
    }
}
