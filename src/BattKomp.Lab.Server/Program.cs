using BattKomp.Lab.Server.Platform.Hosting;

return await LabApplication.RunAsync(args);
