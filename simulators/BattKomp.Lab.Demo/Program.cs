using System.Runtime.InteropServices;
using BattKomp.Lab.Demo;

var options = DemoOptions.Parse(args, out var mistake);
if (options is null)
{
    Console.Error.WriteLine(mistake);
    return mistake.StartsWith("usage", StringComparison.Ordinal) ? 0 : 1;
}

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
try
{
    await using var lab = await DemoLab.StartAsync(options, TimeProvider.System, stop.Token);
    return options.Once ? await new Scenario(lab, options).PlayAsync(stop.Token) : await new OpenHouse(lab, options).StayAsync(stop.Token);
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
catch (DemoException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
