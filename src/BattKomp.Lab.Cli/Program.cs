using BattKomp.Lab.Cli;

return await CliApplication.RunAsync(args, CliHost.OfThisProcess());
