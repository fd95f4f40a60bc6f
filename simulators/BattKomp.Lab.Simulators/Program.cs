using System.Runtime.InteropServices;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Mqtt;

if (args is ["--help" or "-h"])
{
    Console.WriteLine(CommandLine.Usage);
    return 0;
}

using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
try
{
    var command = CommandLine.Parse(args);
    using var host = new SimulatorHost(command.Config, TimeProvider.System);
    Console.WriteLine(host.ReadyLine());
    await host.RunAsync(command.StatsPath, stop.Token);
    return 0;
}
catch (Exception refused) when (refused is ConfigException or ReplayFileException)
{
    Console.Error.WriteLine(refused.Message);
    return 1;
}
catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
{
    Console.Error.WriteLine(failed.Message);
    return 2;
}

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
