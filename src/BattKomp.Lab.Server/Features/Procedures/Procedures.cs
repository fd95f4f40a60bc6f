using System.Security.Cryptography;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>The slice's one public interface: procedures for other slices.</summary>
public sealed class Procedures(CalendarDatabase database, MachineClock clock)
{
    /// <summary>The version as stored, whoever asks; null when it does not exist. For the server's own decisions.</summary>
    public async Task<Procedure?> FindAsync(string name, CancellationToken cancel) =>
        (await database.ReadAsync(tx => ProcedureStore.FindAsync(tx, name, cancel), cancel))?.Procedure;

    /// <summary>The version as the caller may see it.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND when absent or hidden.</exception>
    public async Task<Procedure> GetAsync(Caller caller, string name, CancellationToken cancel)
    {
        var row = await database.ReadAsync(tx => ProcedureStore.FindAsync(tx, name, cancel), cancel);
        return row is not null && Sees(caller, row) ? row.Procedure : throw LabErrors.NotFound(name);
    }

    /// <summary>Lower-case hex SHA-256 over the deterministic encoding of a program: what a lease carries and an agent checks.</summary>
    public static string HashOf(V1.Program program) => Convert.ToHexStringLower(SHA256.HashData(program.ToByteArray()));

    internal bool Sees(Caller caller, ProcedureRow row) => Views.View(
        caller, new Viewable(Visibilities.FromProto(row.Procedure.Visibility), row.Owner, [row.Procedure.Author], ""), clock.Now) == ViewLevel.Full;
}
