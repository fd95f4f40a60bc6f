using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace BattKomp.Lab.Server.Platform.Hosting;

/// <summary>addresses.json in the data folder: where the server really listens, for child processes and people.</summary>
public static class AddressFile
{
    /// <summary>The file's name within the data folder.</summary>
    public const string FileName = "addresses.json";

    /// <summary>Real addresses in the order listened to: HTTP/1 first, gRPC second.</summary>
    public static (string Http, string Grpc) Of(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        return (addresses[0], addresses[1]);
    }

    /// <summary>Writes the file by rename, so that a reader sees all of it or none.</summary>
    public static void Write(WebApplication app)
    {
        var (http, grpc) = Of(app);
        var path = Path.Combine(app.Services.GetRequiredService<LabOptions>().DataDirectory, FileName);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path + ".tmp", JsonSerializer.Serialize(new { http, grpc, pid = Environment.ProcessId }));
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
