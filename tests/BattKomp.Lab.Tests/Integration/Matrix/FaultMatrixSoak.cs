using BattKomp.Lab.Demo;
using Xunit;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>
/// The fault matrix at length: one lab, faults drawn from a seed for as long as asked, then the account. Outside both lanes; run with
/// <c>BATTLAB_SOAK_MINUTES=60 dotnet run --project tests/BattKomp.Lab.Tests -- -explicit only -class "*FaultMatrixSoak"</c>.
/// </summary>
public sealed class FaultMatrixSoak(ITestOutputHelper output)
{
    // A run's booking lasts two hours; the soak ends well before, so that no booking ends under it.
    private const int MostMinutes = 100;

    private enum SoakFault
    {
        KillAgent,
        KillServer,
        KillBoth,
        FreezeBroker,
        Quiet,
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Faults_drawn_at_random_for_as_long_as_asked_lose_and_double_nothing()
    {
        var (minutes, seed) = (Math.Clamp(Setting("BATTLAB_SOAK_MINUTES", 10), 1, MostMinutes), Setting("BATTLAB_SOAK_SEED", 1));
        var random = new Random(seed);
        await using var broker = await Mosquitto.StartAsync();
        var columns = MatrixBenches.All();
        await using var lab = await MatrixLab.StartAsync(columns, new DemoOptions { BrokerPort = broker.Port });
        var started = lab.Lab.Time.GetTimestamp();
        var faults = 0;
        while (lab.Lab.Time.GetElapsedTime(started) < TimeSpan.FromMinutes(minutes))
        {
            var fault = (SoakFault)random.Next(Enum.GetValues<SoakFault>().Length);
            output.WriteLine($"{lab.Lab.Time.GetElapsedTime(started).TotalSeconds:0} s: {fault}");
            await HappenAsync(lab, broker, fault, random);
            await lab.MoreRecordsAsync(10, columns);
            faults++;
        }
        await lab.StopAsync();
        var accounts = await lab.AccountAsync();
        output.WriteLine($"{faults} faults in {minutes} min of seed {seed}; {string.Join(", ", accounts.Select(a => $"{a.Streams.FirstOrDefault()?.Protocol}: {a.Journalled} records, {a.Outages.Count} outages"))}");
        Assert.True(faults > 0 && accounts.All(a => a.Journalled > 0), "the soak saw faults and records");
    }

    private static async Task HappenAsync(MatrixLab lab, Mosquitto broker, SoakFault fault, Random random)
    {
        if (fault is SoakFault.KillAgent or SoakFault.KillBoth)
            await lab.Lab.KillAgentAsync();
        if (fault is SoakFault.KillServer or SoakFault.KillBoth)
        {
            await lab.Lab.KillServerAsync();
            await lab.SecondsOfRecordsAsync(random.Next(1, 5));
            await lab.Lab.RestartServerAsync(Cancel);
        }
        if (fault is SoakFault.KillAgent or SoakFault.KillBoth)
            await lab.Lab.RestartAgentAsync(Cancel);
        else if (fault is SoakFault.KillServer)
            await lab.Lab.AgentBackOnLineAsync(Cancel);
        if (fault is SoakFault.FreezeBroker)
        {
            broker.Freeze();
            await lab.SecondsOfRecordsAsync(random.Next(5, 15));
            broker.Thaw();
        }
    }

    private static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), out var value) ? value : otherwise;
}
